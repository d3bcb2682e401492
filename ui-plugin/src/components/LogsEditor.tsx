import { Combobox, Field, FilterPill, Input, RadioButtonGroup, Stack } from '@grafana/ui';
import React, { useMemo } from 'react';

import { EMPTY_LOGS, printLogs } from '../builder/logs';
import { findsLines, logLabel } from '../language/logql';
import { DEFAULT_LINE_LIMIT, LogsMode, SEVERITIES, Severity } from '../types';
import { checkLineLimit } from '../validation';
import { AttributeFilters } from './AttributeFilters';
import { CodeField } from './CodeField';
import { Overwritten } from './Explained';
import { LogsBuilder } from './LogsBuilder';
import { matching } from './matching';
import { EditorProps } from './QueryEditor';
import { runOnEnter } from './runOnEnter';
import { LegendField, StepField } from './seriesFields';

const MODES: Array<{ label: string; value: LogsMode; description: string }> = [
  { label: 'Search', value: 'search', description: 'By service, severity, text and attributes' },
  { label: 'Builder', value: 'builder', description: 'LogQL from labels, line filters, a parser and operations' },
  { label: 'Code', value: 'code', description: 'LogQL' },
];

const SEVERITY_OPTIONS = SEVERITIES.map((value) => ({
  value,
  label: value === 'FATAL' ? value : `${value} and above`,
}));

export function LogsEditor(props: EditorProps) {
  const { query, onChange } = props;
  const mode = query.logsMode ?? 'search';
  return (
    <Stack direction="column" gap={1}>
      <Stack direction="row" gap={2}>
        <RadioButtonGroup
          aria-label="Find logs by"
          size="sm"
          options={MODES}
          value={mode}
          onChange={(logsMode) => onChange({ ...query, logsMode })}
        />
      </Stack>
      {mode === 'builder' && <Overwritten typed={query.logql} built={printLogs(query.logsBuild ?? EMPTY_LOGS)} />}
      {mode === 'search' && <SearchForm {...props} />}
      {mode === 'builder' && <LogsBuilder {...props} />}
      {mode === 'code' && <LogQLCode {...props} />}
      <Stack direction="row" gap={2} wrap="wrap" alignItems="flex-start">
        <LineLimit {...props} />
        {mode !== 'search' && !findsLines(query.logql || '{') && (
          <>
            <LegendField {...props} />
            <StepField {...props} />
          </>
        )}
      </Stack>
    </Stack>
  );
}

function LogQLCode({ datasource, query, range, onChange, onRunQuery }: EditorProps) {
  const names = useMemo(() => {
    // LogQL has other names for attributes; values are looked up by their own.
    const keys = () => datasource.labelNames('logs', range);
    const own = async (label: string) => (await keys()).find((key) => logLabel(key) === label) ?? label;
    return {
      metrics: async () => [],
      labels: async () => [...new Set((await keys()).map(logLabel))],
      values: async (label: string) => datasource.labelValues('logs', await own(label), range),
    };
  }, [datasource, range]);
  return (
    <CodeField
      label="LogQL"
      language="logql"
      value={query.logql ?? ''}
      error={query.logql?.trim() ? undefined : 'Enter a query, such as {service_name="cart"} |= "refused"'}
      names={names}
      check={datasource.check}
      onChange={(logql) => onChange({ ...query, logql })}
      onRunQuery={onRunQuery}
    />
  );
}

function LineLimit({ query, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}-limit`;
  const error = checkLineLimit(query.lineLimit);
  return (
    <Field noMargin label="Line limit" htmlFor={id} invalid={Boolean(error)} error={error}>
      <Input
        id={id}
        type="number"
        width={16}
        placeholder={String(DEFAULT_LINE_LIMIT)}
        value={query.lineLimit ?? ''}
        onChange={(e) => {
          const { value } = e.currentTarget;
          onChange({ ...query, lineLimit: value === '' ? undefined : Number(value) });
        }}
        onKeyDown={runOnEnter(onRunQuery)}
      />
    </Field>
  );
}

function SearchForm({ datasource, query, range, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}`;
  return (
    <Stack direction="column" gap={1}>
      <Stack direction="row" gap={2} wrap="wrap" alignItems="flex-start">
        <Field noMargin label="Service" htmlFor={`${id}-service`}>
          <Combobox
            id={`${id}-service`}
            width={30}
            isClearable
            createCustomValue
            placeholder="any"
            value={query.service || null}
            options={async (typed) => matching(await datasource.services(range), typed)}
            onChange={(option) => {
              onChange({ ...query, service: option?.value });
              onRunQuery();
            }}
          />
        </Field>
        <Field noMargin label="Severity" htmlFor={`${id}-severity`}>
          <Combobox<Severity>
            id={`${id}-severity`}
            width={22}
            isClearable
            placeholder="any"
            value={query.severity || null}
            options={SEVERITY_OPTIONS}
            onChange={(option) => {
              onChange({ ...query, severity: option?.value });
              onRunQuery();
            }}
          />
        </Field>
        <Field noMargin label="Text" htmlFor={`${id}-text`}>
          <Input
            id={`${id}-text`}
            width={40}
            placeholder="anywhere in the body, any case"
            value={query.text ?? ''}
            onChange={(e) => onChange({ ...query, text: e.currentTarget.value })}
            onKeyDown={runOnEnter(onRunQuery)}
          />
        </Field>
      </Stack>
      {(query.logTraceId || query.logSpanId) && (
        <FilterPill
          selected
          label={query.logSpanId ? `span ${query.logSpanId}` : `trace ${query.logTraceId}`}
          icon="times"
          onClick={() => {
            onChange({ ...query, logTraceId: undefined, logSpanId: undefined });
            onRunQuery();
          }}
        />
      )}
      <AttributeFilters
        idPrefix={id}
        filters={query.attributes ?? []}
        loadKeys={() => datasource.labelNames('logs', range)}
        loadValues={(key) => datasource.labelValues('logs', key, range)}
        onChange={(attributes) => onChange({ ...query, attributes })}
        onRunQuery={onRunQuery}
      />
    </Stack>
  );
}
