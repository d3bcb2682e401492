import { LabelFilter, MetricsBuild } from '../types';
import { AGGREGATIONS, applied, ARITHMETIC, OperationKind, said } from './operations';

// The metrics builder: what it offers, the expression it prints and the sentences that explain it.

const range = { label: 'Range', initial: '$__rate_interval' };

const overTime = (id: string, what: string): OperationKind => ({
  id,
  label: id,
  params: [range],
  print: (inner, [window]) => `${id}(${inner}[${window}])`,
  explain: ([window]) => `${what} over ${window}.`,
});

export const OPERATIONS: OperationKind[] = [
  overTime('rate', 'The increase per second of a counter, averaged'),
  overTime('increase', 'How much a counter grew'),
  overTime('delta', 'How much a gauge changed'),
  overTime('avg_over_time', 'The average'),
  overTime('max_over_time', 'The greatest value'),
  overTime('min_over_time', 'The least value'),
  overTime('last_over_time', 'The newest value'),
  ...AGGREGATIONS,
  {
    id: 'histogram_quantile',
    label: 'histogram_quantile',
    params: [{ label: 'Quantile', initial: '0.95' }],
    print: (inner, [quantile]) => `histogram_quantile(${quantile}, ${inner})`,
    explain: ([quantile]) => `The value that a share of ${quantile} stays below, from the buckets of a histogram.`,
  },
  ...ARITHMETIC,
];

export const EMPTY_BUILD: MetricsBuild = { metric: '', labels: [], operations: [] };

/** A series selector; labels without a name are not filled in yet. */
export function selector(metric: string, labels: LabelFilter[]): string {
  const matchers = labels.filter((l) => l.key).map((l) => `${quotedName(l.key)}${l.op}"${escape(l.value)}"`);
  if (metric && quotedName(metric) !== metric) {
    return `{${[quotedName(metric), ...matchers].join(', ')}}`;
  }
  return matchers.length > 0 || !metric ? `${metric}{${matchers.join(', ')}}` : metric;
}

const quotedName = (name: string) => (/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : `"${escape(name)}"`);
const escape = (text: string) => text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');

/** The expression, or nothing while neither a metric nor a label is chosen. */
export function print(build: MetricsBuild): string {
  if (!build.metric && !build.labels.some((l) => l.key)) {
    return '';
  }
  return applied(OPERATIONS, build.operations, selector(build.metric, build.labels));
}

/** A sentence for the selection and one for each operation, in the order they apply. */
export function explain(build: MetricsBuild): string[] {
  const of = build.metric ? `All series of ${build.metric}` : 'All series';
  const conditions = build.labels.filter((l) => l.key).map((l) => `${l.key} ${l.op} ${l.value}`);
  return [
    conditions.length > 0 ? `${of} where ${conditions.join(' and ')}.` : `${of}.`,
    ...said(OPERATIONS, build.operations),
  ];
}
