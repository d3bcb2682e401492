import { Button, Combobox, Field, IconButton, Input, Stack } from '@grafana/ui';
import React from 'react';

import {
  EMPTY_LOGS,
  explainLogs,
  LINE_FILTERS,
  LOG_OPERATIONS,
  OVER_SERIES,
  PARSERS,
  printLogs,
  RANGES,
  takesText,
  withoutOperation,
} from '../builder/logs';
import { LineFilter, LogsBuild, Parser } from '../types';
import { Explained } from './Explained';
import { FilterChips } from './FilterChips';
import { AddOperation, Operations } from './Operations';
import { EditorProps } from './QueryEditor';
import { runOnEnter } from './runOnEnter';

const LABEL_OPERATORS = ['=', '!=', '=~', '!~'];
const FIELD_OPERATORS = ['=', '!=', '=~', '!~', '>', '>=', '<', '<='];

/** Labels, line filters, a parser and operations; the LogQL they are and what it means stand below. */
export function LogsBuilder({ datasource, query, range, onChange, onRunQuery }: EditorProps) {
  const id = `trefoil-${query.refId}-logs-build`;
  const build = query.logsBuild ?? EMPTY_LOGS;
  const operations = build.operations ?? [];
  const change = (part: Partial<LogsBuild>) => {
    const next = { ...build, ...part };
    onChange({ ...query, logsBuild: next, logql: printLogs(next) });
  };
  const changeAndRun = (part: Partial<LogsBuild>) => {
    change(part);
    onRunQuery();
  };
  const setFilter = (at: number, part: Partial<LineFilter>) => ({
    filters: build.filters.map((filter, i) => (i === at ? { ...filter, ...part } : filter)),
  });
  const names = {
    loadKeys: () => datasource.labelNames('logs', range),
    loadValues: (key: string) => datasource.labelValues('logs', key, range),
  };

  return (
    <Stack direction="column" gap={1}>
      <FilterChips
        id={`${id}-label`}
        label="Label"
        operators={LABEL_OPERATORS}
        filters={build.labels}
        onChange={(labels) => changeAndRun({ labels })}
        {...names}
      />
      {build.filters.map((filter, i) => (
        <Stack key={i} direction="row" gap={0.5} alignItems="flex-end">
          <Field noMargin label="The line" htmlFor={`${id}-line-op-${i}`}>
            <Combobox
              id={`${id}-line-op-${i}`}
              width={22}
              value={filter.op}
              options={LINE_FILTERS}
              onChange={(option) => changeAndRun(setFilter(i, { op: option.value }))}
            />
          </Field>
          <Field noMargin label="Text of the line" htmlFor={`${id}-line-${i}`}>
            <Input
              id={`${id}-line-${i}`}
              width={50}
              value={filter.value}
              onChange={(e) => change(setFilter(i, { value: e.currentTarget.value }))}
              onKeyDown={runOnEnter(onRunQuery)}
            />
          </Field>
          <IconButton
            name="trash-alt"
            size="lg"
            aria-label={`Remove line filter ${i + 1}`}
            onClick={() => changeAndRun({ filters: build.filters.filter((_, at) => at !== i) })}
          />
        </Stack>
      ))}
      <Stack direction="row" gap={1} wrap="wrap" alignItems="flex-end">
        <Button
          variant="secondary"
          icon="plus"
          onClick={() => change({ filters: [...build.filters, { op: '|=', value: '' }] })}
        >
          Line filter
        </Button>
        <Field noMargin label="Parser" htmlFor={`${id}-parser`}>
          <Combobox<Parser>
            id={`${id}-parser`}
            width={20}
            value={build.parser}
            options={PARSERS}
            onChange={(option) => changeAndRun({ parser: option.value, ...(option.value ? {} : { fields: [] }) })}
          />
        </Field>
        {takesText(build.parser) && (
          <Field noMargin label="What it looks for" htmlFor={`${id}-parser-text`}>
            <Input
              id={`${id}-parser-text`}
              width={50}
              placeholder={build.parser === 'pattern' ? '<ip> - <_> <path>' : '(?P<name>.*)'}
              value={build.parserText}
              onChange={(e) => change({ parserText: e.currentTarget.value })}
              onKeyDown={runOnEnter(onRunQuery)}
            />
          </Field>
        )}
        <AddOperation
          id={id}
          offered={operations.length === 0 ? RANGES : OVER_SERIES}
          onAdd={(operation) => changeAndRun({ operations: [...operations, operation] })}
        />
      </Stack>
      {build.parser && (
        <FilterChips
          id={`${id}-field`}
          label="Field"
          operators={FIELD_OPERATORS}
          filters={build.fields}
          onChange={(fields) => changeAndRun({ fields })}
          {...names}
        />
      )}
      <Operations
        id={id}
        kinds={LOG_OPERATIONS}
        operations={operations}
        onChange={(next) => change({ operations: next })}
        onRemove={(at) => changeAndRun({ operations: withoutOperation(operations, at) })}
        onRunQuery={onRunQuery}
      />
      <Explained text={printLogs(build)} sentences={explainLogs(build)} />
    </Stack>
  );
}
