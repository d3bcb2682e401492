import { Field, Input } from '@grafana/ui';
import React from 'react';

import { checkDuration } from '../validation';
import { EditorProps } from './QueryEditor';
import { runOnEnter } from './runOnEnter';

// How series are named and how far apart their points are, in whatever language they are asked for.

export function LegendField({ query, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}-legend`;
  return (
    <Field noMargin label="Legend" htmlFor={id}>
      <Input
        id={id}
        width={30}
        placeholder="auto, or {{label}}"
        value={query.legendFormat ?? ''}
        onChange={(e) => onChange({ ...query, legendFormat: e.currentTarget.value })}
        onKeyDown={runOnEnter(onRunQuery)}
      />
    </Field>
  );
}

export function StepField({ query, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}-step`;
  const error = checkDuration(query.step);
  return (
    <Field noMargin label="Step" htmlFor={id} invalid={Boolean(error)} error={error}>
      <Input
        id={id}
        width={14}
        placeholder="auto"
        value={query.step ?? ''}
        onChange={(e) => onChange({ ...query, step: e.currentTarget.value })}
        onKeyDown={runOnEnter(onRunQuery)}
      />
    </Field>
  );
}
