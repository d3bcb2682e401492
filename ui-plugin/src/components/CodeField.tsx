import { CodeEditor, CodeEditorSuggestionItem, Field, Monaco, MonacoEditor } from '@grafana/ui';
import React, { useCallback, useEffect, useRef } from 'react';

import { helpFor, tokens } from '../language/promql';

interface Props {
  label: string;
  language: string;
  value: string;
  error?: string;
  suggestions: () => CodeEditorSuggestionItem[];
  onChange: (value: string) => void;
  onRunQuery: () => void;
}

/** Several lines of a query language: colours, completion, help on hover, and Shift+Enter, which runs it. */
export function CodeField({ label, language, value, error, suggestions, onChange, onRunQuery }: Props) {
  // Monaco keeps the callbacks of its first mount, so they reach the latest props through these.
  const run = useRef(onRunQuery);
  const offered = useRef(suggestions);
  useEffect(() => {
    run.current = onRunQuery;
    offered.current = suggestions;
  }, [onRunQuery, suggestions]);

  const mounted = useCallback(
    (editor: MonacoEditor, monaco: Monaco) => {
      register(monaco);
      editor.updateOptions?.({ ariaLabel: label });
      editor.addAction({
        id: 'trefoil-run-query',
        label: 'Run query',
        keybindings: [monaco.KeyMod.Shift | monaco.KeyCode.Enter],
        run: () => run.current(),
      });
    },
    [label]
  );
  const getSuggestions = useCallback(() => offered.current(), []);

  return (
    <Field noMargin label={label} description="Shift+Enter runs it" invalid={Boolean(error)} error={error}>
      <CodeEditor
        language={language}
        value={value}
        height={80}
        showLineNumbers={false}
        showMiniMap={false}
        wordWrap
        monacoOptions={{ fontSize: 14, lineNumbersMinChars: 0, overviewRulerLanes: 0, folding: false }}
        onChange={onChange}
        onEditorDidMount={mounted}
        getSuggestions={getSuggestions}
      />
    </Field>
  );
}

/** Teaches Monaco the two languages, once for all editors of the page. */
function register(monaco: Monaco) {
  const known = monaco.languages?.getLanguages?.().map((l) => l.id) ?? [];
  for (const id of monaco.languages ? ['promql', 'metricsql'] : []) {
    if (known.includes(id)) {
      continue;
    }
    monaco.languages.register({ id });
    monaco.languages.setMonarchTokensProvider(
      id,
      tokens(id) as Parameters<typeof monaco.languages.setMonarchTokensProvider>[1]
    );
    monaco.languages.setLanguageConfiguration(id, {
      brackets: [
        ['{', '}'],
        ['[', ']'],
        ['(', ')'],
      ],
      autoClosingPairs: ['{}', '[]', '()', '""'].map(([open, close]) => ({ open, close })),
    });
    monaco.languages.registerHoverProvider(id, {
      provideHover: (model, position) => {
        const word = model.getWordAtPosition(position);
        const help = word && helpFor(id, word.word);
        return help ? { contents: help.map((text) => ({ value: text })) } : null;
      },
    });
  }
}
