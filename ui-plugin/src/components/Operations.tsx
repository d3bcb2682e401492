import { Combobox, Field, IconButton, Input, Stack } from '@grafana/ui';
import React from 'react';

import { fresh, OperationKind } from '../builder/operations';
import { Operation } from '../types';
import { runOnEnter } from './runOnEnter';

interface Props {
  id: string;
  kinds: OperationKind[];
  operations: Operation[];
  onChange: (operations: Operation[]) => void;
  /** takes the operation at a place away */
  onRemove: (at: number) => void;
  onRunQuery: () => void;
}

/** A builder's operations, a row for each with the fields it takes. */
export function Operations({ id, kinds, operations, onChange, onRemove, onRunQuery }: Props) {
  return operations.map((operation, i) => {
    const kind = kinds.find((k) => k.id === operation.id);
    return (
      <Stack key={i} direction="row" gap={0.5} alignItems="flex-end">
        {kind?.params.map((param, at) => (
          <Field noMargin key={at} label={`${kind.label}: ${param.label}`} htmlFor={`${id}-param-${i}-${at}`}>
            <Input
              id={`${id}-param-${i}-${at}`}
              width={30}
              placeholder={param.from === 'labels' ? 'all, or names with commas' : param.initial}
              value={operation.params[at] ?? ''}
              onChange={(e) => {
                const params = kind.params.map((_, p) => (p === at ? e.currentTarget.value : operation.params[p]));
                onChange(operations.map((o, k) => (k === i ? { ...o, params } : o)));
              }}
              onKeyDown={runOnEnter(onRunQuery)}
            />
          </Field>
        ))}
        <IconButton name="trash-alt" size="lg" aria-label={`Remove operation ${i + 1}`} onClick={() => onRemove(i)} />
      </Stack>
    );
  });
}

interface AddProps {
  id: string;
  offered: OperationKind[];
  onAdd: (operation: Operation) => void;
}

/** Chooses the next operation. */
export function AddOperation({ id, offered, onAdd }: AddProps) {
  return (
    <Field noMargin label="Add an operation" htmlFor={`${id}-add`}>
      <Combobox
        id={`${id}-add`}
        width={26}
        placeholder="choose"
        value={null}
        options={offered.map((kind) => ({ value: kind.id, label: kind.label }))}
        onChange={({ value }) => onAdd(fresh(offered.find((kind) => kind.id === value)!))}
      />
    </Field>
  );
}
