import { Button, Combobox, Field, IconButton, Stack } from '@grafana/ui';
import React from 'react';

import { AttributeFilter } from '../types';
import { checkAttribute } from '../validation';
import { matching } from './matching';

interface Props {
  idPrefix: string;
  filters: AttributeFilter[];
  loadKeys: () => Promise<string[]>;
  loadValues: (key: string) => Promise<string[]>;
  onChange: (filters: AttributeFilter[]) => void;
  onRunQuery: () => void;
}

const OPERATORS: Array<{ value: AttributeFilter['op'] }> = [{ value: '=' }, { value: '!=' }];

/** Rows of key, operator and value, all of which must hold. */
export function AttributeFilters({ idPrefix, filters, loadKeys, loadValues, onChange, onRunQuery }: Props) {
  const change = (at: number, part: Partial<AttributeFilter>) => {
    const next = filters.map((filter, i) => (i === at ? { ...filter, ...part } : filter));
    onChange(next);
    if (next[at].key && next[at].value) {
      onRunQuery();
    }
  };
  const remove = (at: number) => {
    onChange(filters.filter((_, i) => i !== at));
    onRunQuery();
  };

  return (
    <Stack direction="column" gap={0.5} alignItems="flex-start">
      {filters.map((filter, i) => {
        const error = checkAttribute(filter);
        const id = `${idPrefix}-attribute-${i}`;
        return (
          <Stack key={i} direction="row" gap={0.5} alignItems="flex-end">
            <Field noMargin label="Attribute" htmlFor={`${id}-key`} invalid={Boolean(error)} error={error}>
              <Combobox
                id={`${id}-key`}
                width={30}
                createCustomValue
                placeholder="name"
                value={filter.key || null}
                options={async (typed) => matching(await loadKeys(), typed)}
                onChange={(option) => change(i, { key: option.value })}
              />
            </Field>
            <Field noMargin label="Operator" htmlFor={`${id}-op`}>
              <Combobox
                id={`${id}-op`}
                width={12}
                value={filter.op}
                options={OPERATORS}
                onChange={(option) => change(i, { op: option.value })}
              />
            </Field>
            <Field noMargin label="Value" htmlFor={`${id}-value`}>
              <Combobox
                id={`${id}-value`}
                width={30}
                createCustomValue
                placeholder="value"
                value={filter.value || null}
                options={async (typed) => (filter.key ? matching(await loadValues(filter.key), typed) : [])}
                onChange={(option) => change(i, { value: option.value })}
              />
            </Field>
            <IconButton name="trash-alt" size="lg" aria-label={`Remove attribute ${i + 1}`} onClick={() => remove(i)} />
          </Stack>
        );
      })}
      <Button
        variant="secondary"
        size="sm"
        icon="plus"
        onClick={() => onChange([...filters, { key: '', op: '=', value: '' }])}
      >
        Filter by attribute
      </Button>
    </Stack>
  );
}
