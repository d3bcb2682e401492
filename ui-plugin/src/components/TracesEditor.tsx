import { Field, Input } from '@grafana/ui';
import React from 'react';

import { checkTraceId } from '../validation';
import { EditorProps } from './QueryEditor';
import { runOnEnter } from './runOnEnter';

export function TracesEditor({ query, onChange, onRunQuery }: EditorProps) {
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
