import { Button, Combobox, Field, IconButton, Stack } from '@grafana/ui';
import React from 'react';

import { EMPTY_BUILD, explain, OPERATIONS, print, selector } from '../builder/metrics';
import { MetricsBuild } from '../types';
import { Explained } from './Explained';
import { matching } from './matching';
import { AddOperation, Operations } from './Operations';
import { EditorProps } from './QueryEditor';

const OPERATORS = ['=', '!=', '=~', '!~'].map((value) => ({ value }));

/** Metric, labels and operations, each chosen from what there is; the expression and what it means stand below. */
export function MetricsBuilder({ datasource, query, range, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}-build`;
  const build = query.build ?? EMPTY_BUILD;
  const change = (part: Partial<MetricsBuild>) => {
    const next = { ...build, ...part };
    onChange({ ...query, build: next, expr: print(next) });
  };
  const changeAndRun = (part: Partial<MetricsBuild>) => {
    change(part);
    onRunQuery();
  };
  const setLabel = (at: number, part: Partial<MetricsBuild['labels'][number]>) => {
    const labels = build.labels.map((label, i) => (i === at ? { ...label, ...part } : label));
    if (labels[at].key && labels[at].value) {
      changeAndRun({ labels });
    } else {
      change({ labels });
    }
  };
  const others = (at: number) => build.labels.filter((l, i) => i !== at && l.key && l.value);
  const match = (at: number) =>
    build.metric || others(at).length > 0 ? selector(build.metric, others(at)) : undefined;

  return (
    <Stack direction="column" gap={1}>
      <Stack direction="row" gap={1} wrap="wrap" alignItems="flex-end">
        <Field noMargin label="Metric" htmlFor={`${id}-metric`}>
          <Combobox
            id={`${id}-metric`}
            width={50}
            createCustomValue
            placeholder="choose a metric"
            value={build.metric || null}
            options={async (typed) => matching(await datasource.metricNames(range), typed)}
            onChange={(option) => changeAndRun({ metric: option.value })}
          />
        </Field>
        <Button
          variant="secondary"
          icon="plus"
          onClick={() => change({ labels: [...build.labels, { key: '', op: '=', value: '' }] })}
        >
          Label
        </Button>
        <AddOperation
          id={id}
          offered={OPERATIONS}
          onAdd={(operation) => changeAndRun({ operations: [...build.operations, operation] })}
        />
      </Stack>
      {build.labels.map((label, i) => (
        <Stack key={i} direction="row" gap={0.5} alignItems="flex-end">
          <Field noMargin label="Label" htmlFor={`${id}-label-${i}`}>
            <Combobox
              id={`${id}-label-${i}`}
              width={30}
              createCustomValue
              placeholder="name"
              value={label.key || null}
              options={async (typed) => matching(await datasource.labelNames('metrics', range, match(i)), typed)}
              onChange={(option) => setLabel(i, { key: option.value })}
            />
          </Field>
          <Field noMargin label="Operator" htmlFor={`${id}-op-${i}`}>
            <Combobox
              id={`${id}-op-${i}`}
              width={12}
              value={label.op}
              options={OPERATORS}
              onChange={(option) => setLabel(i, { op: option.value })}
            />
          </Field>
          <Field noMargin label="Value" htmlFor={`${id}-value-${i}`}>
            <Combobox
              id={`${id}-value-${i}`}
              width={30}
              createCustomValue
              placeholder="value"
              value={label.value || null}
              options={async (typed) =>
                label.key ? matching(await datasource.labelValues('metrics', label.key, range, match(i)), typed) : []
              }
              onChange={(option) => setLabel(i, { value: option.value })}
            />
          </Field>
          <IconButton
            name="trash-alt"
            size="lg"
            aria-label={`Remove label ${i + 1}`}
            onClick={() => changeAndRun({ labels: build.labels.filter((_, at) => at !== i) })}
          />
        </Stack>
      ))}
      <Operations
        id={id}
        kinds={OPERATIONS}
        operations={build.operations}
        onChange={(operations) => change({ operations })}
        onRemove={(at) => changeAndRun({ operations: build.operations.filter((_, i) => i !== at) })}
        onRunQuery={onRunQuery}
      />
      {query.expr && <Explained text={query.expr} sentences={explain(build)} />}
    </Stack>
  );
}
