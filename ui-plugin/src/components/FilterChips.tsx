import { Combobox, Field, FilterPill, Stack } from '@grafana/ui';
import React, { useState } from 'react';

import { LabelFilter } from '../types';
import { matching } from './matching';

interface Props {
  id: string;
  label: string;
  operators: string[];
  filters: LabelFilter[];
  loadKeys: () => Promise<string[]>;
  loadValues: (key: string) => Promise<string[]>;
  onChange: (filters: LabelFilter[]) => void;
}

/** Conditions as chips, which a click takes away; choosing a value adds one. */
export function FilterChips({ id, label, operators, filters, loadKeys, loadValues, onChange }: Props) {
  const [key, setKey] = useState('');
  const [op, setOp] = useState(operators[0]);
  return (
    <Stack direction="row" gap={1} wrap="wrap" alignItems="flex-end">
      {filters.map((filter, i) => (
        <FilterPill
          key={i}
          selected
          icon="times"
          label={`${filter.key} ${filter.op} ${filter.value}`}
          onClick={() => onChange(filters.filter((_, at) => at !== i))}
        />
      ))}
      <Field noMargin label={label} htmlFor={`${id}-key`}>
        <Combobox
          id={`${id}-key`}
          width={26}
          createCustomValue
          placeholder="name"
          value={key || null}
          options={async (typed) => matching(await loadKeys(), typed)}
          onChange={(option) => setKey(option.value)}
        />
      </Field>
      <Field noMargin label={`${label}: operator`} htmlFor={`${id}-op`}>
        <Combobox
          id={`${id}-op`}
          width={10}
          value={op}
          options={operators.map((value) => ({ value }))}
          onChange={(option) => setOp(option.value)}
        />
      </Field>
      <Field noMargin label={`${label}: value`} htmlFor={`${id}-value`}>
        <Combobox
          id={`${id}-value`}
          width={26}
          createCustomValue
          disabled={!key}
          placeholder="value"
          value={null}
          options={async (typed) => (key ? matching(await loadValues(key), typed) : [])}
          onChange={(option) => {
            onChange([...filters, { key, op, value: option.value }]);
            setKey('');
          }}
        />
      </Field>
    </Stack>
  );
}
