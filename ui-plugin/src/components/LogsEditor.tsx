import { Combobox, Field, FilterPill, Input, Stack } from '@grafana/ui';
import React from 'react';

import { DEFAULT_LINE_LIMIT, SEVERITIES, Severity } from '../types';
import { checkLineLimit } from '../validation';
import { AttributeFilters } from './AttributeFilters';
import { matching } from './matching';
import { EditorProps } from './QueryEditor';
import { runOnEnter } from './runOnEnter';

const SEVERITY_OPTIONS = SEVERITIES.map((value) => ({
  value,
  label: value === 'FATAL' ? value : `${value} and above`,
}));

export function LogsEditor({ datasource, query, range, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}`;
  const limitError = checkLineLimit(query.lineLimit);

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
        <Field noMargin label="Line limit" htmlFor={`${id}-limit`} invalid={Boolean(limitError)} error={limitError}>
          <Input
            id={`${id}-limit`}
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
