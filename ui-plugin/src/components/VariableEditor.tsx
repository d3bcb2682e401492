import { QueryEditorProps } from '@grafana/data';
import { Combobox, Field, Input, Stack } from '@grafana/ui';
import React from 'react';

import { TrefoilDatasource } from '../datasource';
import { TrefoilOptions, TrefoilQuery, VariableQuery } from '../types';
import { matching } from './matching';

type Props = QueryEditorProps<TrefoilDatasource, TrefoilQuery, TrefoilOptions, TrefoilQuery>;

const KINDS: Array<{ value: VariableQuery['kind']; label: string }> = [
  { value: 'label-values', label: 'Values of a label' },
  { value: 'labels', label: 'Names of labels' },
  { value: 'services', label: 'Services' },
  { value: 'operations', label: 'Operations of a service' },
  { value: 'metrics', label: 'Metric names' },
];

const SIGNALS: Array<{ value: NonNullable<VariableQuery['signal']>; label: string }> = [
  { value: 'metrics', label: 'Metrics' },
  { value: 'logs', label: 'Logs' },
  { value: 'traces', label: 'Traces' },
];

const EXAMPLES = {
  metrics: '{service_name="$service"}',
  logs: '{service_name="$service"}',
  traces: '{ resource.service.name = "$service" }',
};

/** Whether a selector narrows the list down; names of attributes of spans are not looked up by one. */
function narrows({ kind, signal }: VariableQuery): boolean {
  return kind === 'metrics' || kind === 'label-values' || (kind === 'labels' && signal !== 'traces');
}

/** What a dashboard's variable lists; a selector with other variables in it chains it to them. */
export function VariableEditor({ datasource, query, range, onChange }: Props) {
  const variable: VariableQuery = query.variable ?? { kind: 'label-values' };
  const signal = variable.signal ?? 'metrics';
  const change = (part: Partial<VariableQuery>) =>
    onChange({ ...query, refId: query.refId ?? 'variable', variable: { ...variable, ...part } });
  const named = variable.kind === 'label-values' || variable.kind === 'labels';
  return (
    <Stack direction="row" gap={1} wrap="wrap">
      <Field noMargin label="List" htmlFor="trefoil-variable-kind">
        <Combobox
          id="trefoil-variable-kind"
          width={26}
          options={KINDS}
          value={variable.kind}
          onChange={(option) => change({ kind: option.value })}
        />
      </Field>
      {named && (
        <Field noMargin label="Of" htmlFor="trefoil-variable-signal">
          <Combobox
            id="trefoil-variable-signal"
            width={16}
            options={SIGNALS}
            value={signal}
            onChange={(option) => change({ signal: option.value })}
          />
        </Field>
      )}
      {variable.kind === 'label-values' && (
        <Field noMargin label="Label" htmlFor="trefoil-variable-label">
          <Combobox
            id="trefoil-variable-label"
            width={30}
            createCustomValue
            placeholder="name"
            value={variable.label || null}
            options={async (typed) => matching(await datasource.labelNames(signal, range), typed)}
            onChange={(option) => change({ label: option.value })}
          />
        </Field>
      )}
      {variable.kind === 'operations' && (
        <Field noMargin label="Service" htmlFor="trefoil-variable-service">
          <Input
            id="trefoil-variable-service"
            width={30}
            placeholder="all, or $service"
            value={variable.service ?? ''}
            onChange={(e) => change({ service: e.currentTarget.value || undefined })}
          />
        </Field>
      )}
      {narrows(variable) && (
        <Field noMargin label="Only of what matches" htmlFor="trefoil-variable-match">
          <Input
            id="trefoil-variable-match"
            width={50}
            placeholder={EXAMPLES[signal]}
            value={variable.match ?? ''}
            onChange={(e) => change({ match: e.currentTarget.value || undefined })}
          />
        </Field>
      )}
    </Stack>
  );
}
