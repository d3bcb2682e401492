import {
  CodeEditor,
  CodeEditorSuggestionItemKind,
  Field,
  Input,
  Monaco,
  MonacoEditor,
  RadioButtonGroup,
  Stack,
} from '@grafana/ui';
import React, { useCallback, useEffect, useRef } from 'react';

import { Language } from '../types';
import { checkDuration, checkExpr } from '../validation';
import { EditorProps } from './QueryEditor';
import { runOnEnter } from './runOnEnter';

const LANGUAGES: Array<{ label: string; value: Language; description: string }> = [
  { label: 'PromQL', value: 'promql', description: 'Exactly as Prometheus evaluates it' },
  { label: 'MetricsQL', value: 'metricsql', description: 'As VictoriaMetrics evaluates it' },
];

const TYPES = [
  { label: 'Range', value: false, description: 'A value per step over the time range' },
  { label: 'Instant', value: true, description: 'One value, at the end of the time range' },
];

export function MetricsEditor({ datasource, query, range, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}`;
  const exprError = checkExpr(query.expr);
  const stepError = checkDuration(query.step);

  // Monaco keeps the callbacks of its first mount, so they reach the latest props through these.
  const run = useRef(onRunQuery);
  const names = useRef<string[]>([]);
  useEffect(() => {
    run.current = onRunQuery;
  }, [onRunQuery]);
  useEffect(() => {
    let current = true;
    datasource.metricNames(range).then(
      (found) => current && (names.current = found),
      () => {} // without names there is no completion; a query will say what is wrong
    );
    return () => {
      current = false;
    };
    // Names are looked up once per editor, not at every move of the time range.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [datasource]);

  const bindShiftEnter = useCallback((editor: MonacoEditor, monaco: Monaco) => {
    editor.addAction({
      id: 'trefoil-run-query',
      label: 'Run query',
      keybindings: [monaco.KeyMod.Shift | monaco.KeyCode.Enter],
      run: () => run.current(),
    });
  }, []);
  const suggestions = useCallback(
    () => names.current.map((label) => ({ label, kind: CodeEditorSuggestionItemKind.Constant })),
    []
  );

  return (
    <Stack direction="column" gap={1}>
      <Field
        noMargin
        label="Expression"
        description="Shift+Enter runs it"
        invalid={Boolean(exprError)}
        error={exprError}
      >
        <CodeEditor
          language="promql"
          value={query.expr ?? ''}
          height={80}
          showLineNumbers={false}
          showMiniMap={false}
          wordWrap
          monacoOptions={{ fontSize: 14, lineNumbersMinChars: 0, overviewRulerLanes: 0, folding: false }}
          onChange={(expr) => onChange({ ...query, expr })}
          onEditorDidMount={bindShiftEnter}
          getSuggestions={suggestions}
        />
      </Field>
      <Stack direction="row" gap={2} wrap="wrap" alignItems="flex-start">
        <Field noMargin label="Language">
          <RadioButtonGroup
            aria-label="Language"
            options={LANGUAGES}
            value={query.language ?? 'promql'}
            onChange={(language) => {
              onChange({ ...query, language });
              onRunQuery();
            }}
          />
        </Field>
        <Field noMargin label="Type">
          <RadioButtonGroup
            aria-label="Type"
            options={TYPES}
            value={Boolean(query.instant)}
            onChange={(instant) => {
              onChange({ ...query, instant });
              onRunQuery();
            }}
          />
        </Field>
        <Field noMargin label="Legend" htmlFor={`${id}-legend`}>
          <Input
            id={`${id}-legend`}
            width={30}
            placeholder="auto, or {{label}}"
            value={query.legendFormat ?? ''}
            onChange={(e) => onChange({ ...query, legendFormat: e.currentTarget.value })}
            onKeyDown={runOnEnter(onRunQuery)}
          />
        </Field>
        {!query.instant && (
          <Field noMargin label="Step" htmlFor={`${id}-step`} invalid={Boolean(stepError)} error={stepError}>
            <Input
              id={`${id}-step`}
              width={14}
              placeholder="auto"
              value={query.step ?? ''}
              onChange={(e) => onChange({ ...query, step: e.currentTarget.value })}
              onKeyDown={runOnEnter(onRunQuery)}
            />
          </Field>
        )}
      </Stack>
    </Stack>
  );
}
