import { logLabel } from '../language/logql';
import { LabelFilter, LineFilter, LogsBuild, Operation, Parser } from '../types';
import { AGGREGATIONS, applied, ARITHMETIC, OperationKind, said } from './operations';

// The logs builder: what it offers, the LogQL it prints and the sentences that explain it.

export const EMPTY_LOGS: LogsBuild = {
  labels: [],
  filters: [],
  parser: '',
  parserText: '',
  fields: [],
  operations: [],
};

export const LINE_FILTERS: Array<{ value: LineFilter['op']; label: string }> = [
  { value: '|=', label: 'contains' },
  { value: '!=', label: 'does not contain' },
  { value: '|~', label: 'matches' },
  { value: '!~', label: 'does not match' },
];

export const PARSERS: Array<{ value: Parser; label: string; description: string }> = [
  { value: '', label: 'none', description: 'Lines as they are' },
  { value: 'json', label: 'json', description: 'Lines are JSON' },
  { value: 'logfmt', label: 'logfmt', description: 'Lines are key=value pairs' },
  { value: 'pattern', label: 'pattern', description: 'Parts of a line, named' },
  { value: 'regexp', label: 'regexp', description: 'Named groups of a regular expression' },
];

/** Parsers that take a text. */
export const takesText = (parser: Parser) => parser === 'pattern' || parser === 'regexp';

const ORDER = new Set(['>', '>=', '<', '<=']);
const quoted = JSON.stringify;

const matcher = ({ key, op, value }: LabelFilter) => `${logLabel(key)}${op}${quoted(value)}`;

// Numbers, durations and sizes are compared as such, and only bare.
const field = ({ key, op, value }: LabelFilter) =>
  ORDER.has(op) ? `${logLabel(key)} ${op} ${/^\d/.test(value) ? value : quoted(value)}` : matcher({ key, op, value });

const window = { label: 'Range', initial: '$__interval' };
const unwrapped = { label: 'Number in label', initial: '' };

const ofLines = (id: string, what: string): OperationKind => ({
  id,
  label: id,
  params: [window],
  print: (lines, [range]) => `${id}(${lines} [${range}])`,
  explain: ([range]) => `${what} over ${range}.`,
});

const ofNumbers = (id: string, what: string): OperationKind => ({
  id,
  label: id,
  params: [unwrapped, window],
  print: (lines, [label, range]) => `${id}(${lines} | unwrap ${logLabel(label)} [${range}])`,
  explain: ([label, range]) => `${what} of the numbers in ${label || 'a label'} over ${range}.`,
});

/** What makes series of lines. */
export const RANGES: OperationKind[] = [
  ofLines('count_over_time', 'The number of lines'),
  ofLines('rate', 'Lines per second, averaged'),
  ofLines('bytes_over_time', 'The bytes of lines'),
  ofLines('bytes_rate', 'Bytes of lines per second, averaged'),
  ofNumbers('sum_over_time', 'The sum'),
  ofNumbers('avg_over_time', 'The average'),
  ofNumbers('max_over_time', 'The greatest'),
  ofNumbers('min_over_time', 'The least'),
  {
    id: 'quantile_over_time',
    label: 'quantile_over_time',
    params: [{ label: 'Quantile', initial: '0.95' }, unwrapped, window],
    print: (lines, [q, label, range]) => `quantile_over_time(${q}, ${lines} | unwrap ${logLabel(label)} [${range}])`,
    explain: ([q, label, range]) =>
      `What a share of ${q} of the numbers in ${label || 'a label'} stays below, over ${range}.`,
  },
];

/** What makes series of those; labels go by LogQL's names for them. */
export const OVER_SERIES: OperationKind[] = [
  ...AGGREGATIONS.map((kind) => ({
    ...kind,
    print: (inner: string, [labels]: string[]) => kind.print(inner, [labelNames(labels)]),
  })),
  ...ARITHMETIC,
];

const labelNames = (list: string) =>
  list
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
    .map(logLabel)
    .join(', ');

export const LOG_OPERATIONS = [...RANGES, ...OVER_SERIES];

/** No operations, while the first has no label to take numbers from. */
function filledIn(operations: Operation[]): Operation[] {
  const [first] = operations;
  const at = RANGES.find((kind) => kind.id === first?.id)?.params.indexOf(unwrapped) ?? -1;
  return at >= 0 && !first.params[at] ? [] : operations;
}

/** Without the first, which makes series of lines, the others have nothing to work on. */
export const withoutOperation = (operations: Operation[], at: number) =>
  at === 0 ? [] : operations.filter((_, i) => i !== at);

export function printLogs(build: LogsBuild): string {
  const parts = [`{${build.labels.map(matcher).join(', ')}}`];
  for (const { op, value } of build.filters) {
    if (value) {
      parts.push(`${op} ${quoted(value)}`);
    }
  }
  if (build.parser && !(takesText(build.parser) && !build.parserText)) {
    parts.push(`| ${build.parser}${takesText(build.parser) ? ` ${quoted(build.parserText)}` : ''}`);
  }
  const lines = [...parts, ...build.fields.map((one) => `| ${field(one)}`)].join(' ');
  return applied(LOG_OPERATIONS, filledIn(build.operations ?? []), lines);
}

/** A sentence for the selection and one for each step, in the order they apply. */
export function explainLogs(build: LogsBuild): string[] {
  const told = (one: LabelFilter) => `${one.key} ${one.op} ${one.value}`;
  const what = build.labels.length > 0 ? `Lines where ${build.labels.map(told).join(' and ')}.` : 'All lines.';
  const filters = build.filters
    .filter((f) => f.value)
    .map((f) => `Only those whose text ${LINE_FILTERS.find((l) => l.value === f.op)?.label} ${f.value}.`);
  const parser = build.parser ? [`Labels are made by the parser ${build.parser}.`] : [];
  const fields = build.fields.map((one) => `Only those where ${told(one)}.`);
  return [what, ...filters, ...parser, ...fields, ...said(LOG_OPERATIONS, build.operations ?? [])];
}
