import { Combobox, Field, InlineSwitch, RadioButtonGroup, Stack } from '@grafana/ui';
import React, { useMemo } from 'react';

import { EMPTY_BUILD, print } from '../builder/metrics';
import { EditorMode, Format, Language } from '../types';
import { checkExpr } from '../validation';
import { CodeField } from './CodeField';
import { Overwritten } from './Explained';
import { MetricsBuilder } from './MetricsBuilder';
import { EditorProps } from './QueryEditor';
import { LegendField, StepField } from './seriesFields';

const LANGUAGES: Array<{ label: string; value: Language; description: string }> = [
  { label: 'PromQL', value: 'promql', description: 'Exactly as Prometheus evaluates it' },
  { label: 'MetricsQL', value: 'metricsql', description: 'As VictoriaMetrics evaluates it' },
];

const TYPES = [
  { label: 'Range', value: false, description: 'A value per step over the time range' },
  { label: 'Instant', value: true, description: 'One value, at the end of the time range' },
];

const MODES: Array<{ label: string; value: EditorMode }> = [
  { label: 'Builder', value: 'builder' },
  { label: 'Code', value: 'code' },
];

const FORMATS: Array<{ label: string; value: Format; description: string }> = [
  { label: 'Time series', value: 'time_series', description: 'A frame for each series' },
  { label: 'Table', value: 'table', description: 'The newest value of each series, labels as columns' },
  { label: 'Heatmap', value: 'heatmap', description: 'The buckets of a histogram' },
];

export function MetricsEditor(props: EditorProps) {
  const { datasource, query, range, onChange, onRunQuery } = props;
  const id = `trefoil-${query.refId}`;
  const mode = query.metricsMode ?? 'code';
  const language = query.language ?? 'promql';

  const names = useMemo(
    () => ({
      metrics: () => datasource.metricNames(range),
      labels: (match?: string) => datasource.labelNames('metrics', range, match),
      values: (label: string, match?: string) => datasource.labelValues('metrics', label, range, match),
    }),
    [datasource, range]
  );

  return (
    <Stack direction="column" gap={1}>
      <Stack direction="row" gap={2}>
        <RadioButtonGroup
          aria-label="Editor mode"
          size="sm"
          options={MODES}
          value={mode}
          onChange={(metricsMode) => onChange({ ...query, metricsMode })}
        />
      </Stack>
      {mode === 'builder' && <Overwritten typed={query.expr} built={print(query.build ?? EMPTY_BUILD)} />}
      {mode === 'builder' ? (
        <MetricsBuilder {...props} />
      ) : (
        <CodeField
          key={language}
          label="Expression"
          language={language}
          value={query.expr ?? ''}
          error={checkExpr(query.expr)}
          names={names}
          check={datasource.check}
          onChange={(expr) => onChange({ ...query, expr })}
          onRunQuery={onRunQuery}
        />
      )}
      <Stack direction="row" gap={2} wrap="wrap" alignItems="flex-start">
        <Field noMargin label="Language">
          <RadioButtonGroup
            aria-label="Language"
            options={LANGUAGES}
            value={language}
            onChange={(next) => {
              onChange({ ...query, language: next });
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
        <Field noMargin label="Format" htmlFor={`${id}-format`}>
          <Combobox<Format>
            id={`${id}-format`}
            width={20}
            options={FORMATS}
            value={query.format ?? 'time_series'}
            onChange={(option) => {
              onChange({ ...query, format: option.value });
              onRunQuery();
            }}
          />
        </Field>
        <LegendField {...props} />
        {!query.instant && (
          <>
            <StepField {...props} />
            <Field noMargin label="Exemplars" htmlFor={`${id}-exemplars`}>
              <InlineSwitch
                id={`${id}-exemplars`}
                value={query.exemplars ?? false}
                onChange={(e) => {
                  onChange({ ...query, exemplars: e.currentTarget.checked });
                  onRunQuery();
                }}
              />
            </Field>
          </>
        )}
      </Stack>
    </Stack>
  );
}
