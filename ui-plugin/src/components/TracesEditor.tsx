import { Combobox, Field, Input, RadioButtonGroup, Stack } from '@grafana/ui';
import React, { useMemo } from 'react';

import { SpanSearch, TracesMode } from '../types';
import { checkDuration, checkTraceId } from '../validation';
import { AttributeFilters } from './AttributeFilters';
import { CodeField } from './CodeField';
import { matching } from './matching';
import { EditorProps } from './QueryEditor';
import { runOnEnter } from './runOnEnter';

const MODES: Array<{ label: string; value: TracesMode }> = [
  { label: 'ID', value: 'id' },
  { label: 'Search', value: 'search' },
  { label: 'TraceQL', value: 'traceql' },
  { label: 'Service graph', value: 'graph' },
];

export function TracesEditor(props: EditorProps) {
  const { query, onChange, onRunQuery } = props;
  const mode = query.tracesMode ?? 'id';
  return (
    <Stack direction="column" gap={1}>
      <RadioButtonGroup
        aria-label="Find traces by"
        size="sm"
        options={MODES}
        value={mode}
        onChange={(tracesMode) => {
          onChange({ ...query, tracesMode });
          if (tracesMode === 'graph') {
            onRunQuery();
          }
        }}
      />
      {mode === 'id' && <TraceID {...props} />}
      {mode === 'search' && <SearchForm {...props} />}
      {mode === 'traceql' && <TraceQLCode {...props} />}
      {(mode === 'search' || mode === 'traceql') && <TraceLimit {...props} />}
    </Stack>
  );
}

function TraceID({ query, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}-trace`;
  const error = checkTraceId(query.traceId);
  return (
    <Field noMargin label="Trace ID" htmlFor={id} invalid={Boolean(error)} error={error}>
      <Input
        id={id}
        width={50}
        placeholder="5b8efff798038103d269b633813fc60c"
        value={query.traceId ?? ''}
        onChange={(e) => onChange({ ...query, traceId: e.currentTarget.value })}
        onKeyDown={runOnEnter(onRunQuery)}
      />
    </Field>
  );
}

const STATUSES: Array<{ value: NonNullable<SpanSearch['status']>; label: string }> = [
  { value: 'error', label: 'Failed' },
  { value: 'ok', label: 'OK' },
  { value: 'unset', label: 'Unset' },
];

/** What a span must be like, all of it at once. */
function SearchForm({ datasource, query, range, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}-search`;
  const search = query.search ?? {};
  const change = (part: Partial<SpanSearch>) => onChange({ ...query, search: { ...search, ...part } });
  const durations = [
    { key: 'minDuration' as const, label: 'At least' },
    { key: 'maxDuration' as const, label: 'At most' },
  ];
  return (
    <>
      <Stack direction="row" gap={2} wrap="wrap" alignItems="flex-start">
        <Field noMargin label="Service" htmlFor={`${id}-service`}>
          <Combobox
            id={`${id}-service`}
            width={30}
            isClearable
            createCustomValue
            placeholder="any"
            value={search.service || null}
            options={async (typed) => matching(await datasource.services(range), typed)}
            onChange={(option) => {
              change({ service: option?.value });
              onRunQuery();
            }}
          />
        </Field>
        <Field noMargin label="Span name" htmlFor={`${id}-operation`}>
          <Combobox
            id={`${id}-operation`}
            width={30}
            isClearable
            createCustomValue
            placeholder="any"
            value={search.operation || null}
            options={async (typed) => matching(await datasource.operations(search.service, range), typed)}
            onChange={(option) => {
              change({ operation: option?.value });
              onRunQuery();
            }}
          />
        </Field>
        {durations.map(({ key, label }) => {
          const error = checkDuration(search[key]);
          return (
            <Field noMargin key={key} label={label} htmlFor={`${id}-${key}`} invalid={Boolean(error)} error={error}>
              <Input
                id={`${id}-${key}`}
                width={16}
                placeholder="such as 250ms"
                value={search[key] ?? ''}
                onChange={(e) => change({ [key]: e.currentTarget.value })}
                onKeyDown={runOnEnter(onRunQuery)}
              />
            </Field>
          );
        })}
        <Field noMargin label="Status" htmlFor={`${id}-status`}>
          <Combobox
            id={`${id}-status`}
            width={16}
            isClearable
            placeholder="any"
            value={search.status || null}
            options={STATUSES}
            onChange={(option) => {
              change({ status: option?.value });
              onRunQuery();
            }}
          />
        </Field>
      </Stack>
      <AttributeFilters
        idPrefix={id}
        filters={search.attributes ?? []}
        loadKeys={() => datasource.labelNames('traces', range)}
        loadValues={(key) => datasource.labelValues('traces', key, range)}
        onChange={(attributes) => change({ attributes })}
        onRunQuery={onRunQuery}
      />
    </>
  );
}

function TraceQLCode({ datasource, query, range, onChange, onRunQuery }: EditorProps) {
  const names = useMemo(
    () => ({
      metrics: async () => [],
      labels: async () => {
        const keys = await datasource.labelNames('traces', range);
        return keys.map((key) => (/^[\w.-]+$/.test(key) ? `.${key}` : `."${key}"`));
      },
      values: (label: string) => datasource.labelValues('traces', keyOf(label), range),
    }),
    [datasource, range]
  );
  return (
    <CodeField
      label="TraceQL"
      language="traceql"
      value={query.traceql ?? ''}
      error={query.traceql?.trim() ? undefined : 'Enter a query, such as { status = error }'}
      names={names}
      check={datasource.check}
      onChange={(traceql) => onChange({ ...query, traceql })}
      onRunQuery={onRunQuery}
    />
  );
}

/** The attribute, or the name with a colon, that a field of TraceQL is looked up by. */
function keyOf(field: string): string {
  switch (field) {
    case 'name':
    case 'rootName':
      return 'span:name';
    case 'rootServiceName':
      return 'service.name';
    default:
      return field.replace(/^(?:span|resource|event|link|parent)?\./, '');
  }
}

const MAX_TRACES = 1000;

function TraceLimit({ query, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}-trace-limit`;
  const limit = query.traceLimit;
  const wrong = limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= MAX_TRACES);
  return (
    <Field
      noMargin
      label="Trace limit"
      htmlFor={id}
      invalid={wrong}
      error={wrong ? `Between 1 and ${MAX_TRACES}` : undefined}
    >
      <Input
        id={id}
        type="number"
        width={16}
        placeholder="50"
        value={limit ?? ''}
        onChange={(e) => {
          const { value } = e.currentTarget;
          onChange({ ...query, traceLimit: value === '' ? undefined : Number(value) });
        }}
        onKeyDown={runOnEnter(onRunQuery)}
      />
    </Field>
  );
}
