import { CodeEditor, Field, Monaco, MonacoEditor } from '@grafana/ui';
import React, { useCallback, useEffect, useRef, useState } from 'react';

import { Names } from '../language/completion';
import { mark, monacoId, offerNames, register } from '../language/monaco';
import { CodeLanguage, Problem } from '../types';

interface Props {
  label: string;
  language: CodeLanguage;
  value: string;
  /** what is wrong whatever Trefoil says, such as that there is no text */
  error?: string;
  names: Names;
  check: (language: CodeLanguage, text: string) => Promise<Problem | undefined>;
  onChange: (value: string) => void;
  onRunQuery: () => void;
}

/**
 * Several lines of a query language: colours, completion, help on hover, mistakes underlined and told, and Shift+Enter,
 * which runs it.
 */
export function CodeField({ label, language, value, error, names, check, onChange, onRunQuery }: Props) {
  // Monaco keeps the callbacks of its first mount, so they reach the latest props through this.
  const latest = useRef({ names, onChange, onRunQuery });
  useEffect(() => {
    latest.current = { names, onChange, onRunQuery };
  }, [names, onChange, onRunQuery]);

  const mounted = useRef<{ editor: MonacoEditor; monaco: Monaco }>(undefined);
  const onMount = useCallback(
    (editor: MonacoEditor, monaco: Monaco) => {
      mounted.current = { editor, monaco };
      offerNames(editor.getModel(), () => latest.current.names);
      editor.updateOptions({ ariaLabel: label });
      editor.addAction({
        id: 'trefoil-run-query',
        label: 'Run query',
        keybindings: [monaco.KeyMod.Shift | monaco.KeyCode.Enter],
        run: () => latest.current.onRunQuery(),
      });
    },
    [label]
  );
  const changed = useCallback((text: string) => latest.current.onChange(text), []);

  const problem = useProblem(language, value, check);
  useEffect(() => {
    const model = mounted.current?.editor.getModel();
    if (mounted.current && model) {
      mark(mounted.current.monaco, model, problem);
    }
  }, [problem]);

  const wrong = error ?? (problem && withPlace(problem));
  return (
    <Field noMargin label={label} description="Shift+Enter runs it" invalid={Boolean(wrong)} error={wrong}>
      <CodeEditor
        language={monacoId(language)}
        value={value}
        height={80}
        showLineNumbers={false}
        showMiniMap={false}
        wordWrap
        monacoOptions={{ fontSize: 14, lineNumbersMinChars: 0, overviewRulerLanes: 0, folding: false }}
        onChange={changed}
        onBeforeEditorMount={register}
        onEditorDidMount={onMount}
      />
    </Field>
  );
}

const PAUSE_MS = 400;

/** What Trefoil finds wrong with the text, once nobody has typed for a moment. */
function useProblem(language: CodeLanguage, text: string, check: Props['check']): Problem | undefined {
  const [found, setFound] = useState<{ text: string; problem?: Problem }>();
  useEffect(() => {
    if (!text.trim()) {
      return undefined;
    }
    let current = true;
    const timer = setTimeout(() => {
      check(language, text).then(
        (problem) => current && setFound({ text, problem }),
        () => current && setFound(undefined) // that Trefoil cannot tell is said when the query runs
      );
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [language, text, check]);
  return found?.text === text ? found.problem : undefined;
}

function withPlace({ message, line, column }: Problem): string {
  return line && column ? `Line ${line}, column ${column}: ${message}` : message;
}
