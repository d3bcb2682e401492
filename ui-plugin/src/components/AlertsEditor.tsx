import { Field, RadioButtonGroup } from '@grafana/ui';
import React from 'react';

import { AlertsMode } from '../types';
import { EditorProps } from './QueryEditor';

const MODES: Array<{ label: string; value: AlertsMode; description: string }> = [
  { label: 'List', value: 'list', description: 'Alerts that are pending or firing now' },
  { label: 'History', value: 'history', description: 'What happened to alerts in the time range' },
];

export function AlertsEditor({ query, onChange, onRunQuery }: EditorProps) {
  return (
    <Field noMargin label="Show">
      <RadioButtonGroup
        aria-label="Show"
        options={MODES}
        value={query.alertsMode ?? 'list'}
        onChange={(alertsMode) => {
          onChange({ ...query, alertsMode });
          onRunQuery();
        }}
      />
    </Field>
  );
}
