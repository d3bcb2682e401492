import { LabelFilter, MetricsBuild, Operation } from '../types';

// The metrics builder: what it offers, the expression it prints and the sentences that explain it.

export interface OperationKind {
  id: string;
  label: string;
  params: Array<{ label: string; initial: string; from?: 'labels' }>;
  print: (inner: string, params: string[]) => string;
  explain: (params: string[]) => string;
}

const range = { label: 'Range', initial: '$__rate_interval' };
const by = { label: 'By labels', initial: '', from: 'labels' as const };

const overTime = (id: string, what: string): OperationKind => ({
  id,
  label: id,
  params: [range],
  print: (inner, [window]) => `${id}(${inner}[${window}])`,
  explain: ([window]) => `${what} over ${window}.`,
});

const aggregation = (id: string, what: string): OperationKind => ({
  id,
  label: id,
  params: [by],
  print: (inner, [labels]) => (labels ? `${id} by (${labels}) (${inner})` : `${id}(${inner})`),
  explain: ([labels]) => (labels ? `${what} for each ${labels}.` : `${what} of all series.`),
});

export const OPERATIONS: OperationKind[] = [
  overTime('rate', 'The increase per second of a counter, averaged'),
  overTime('increase', 'How much a counter grew'),
  overTime('delta', 'How much a gauge changed'),
  overTime('avg_over_time', 'The average'),
  overTime('max_over_time', 'The greatest value'),
  overTime('min_over_time', 'The least value'),
  overTime('last_over_time', 'The newest value'),
  aggregation('sum', 'The sum'),
  aggregation('avg', 'The average'),
  aggregation('max', 'The greatest value'),
  aggregation('min', 'The least value'),
  aggregation('count', 'The number of series'),
  {
    id: 'histogram_quantile',
    label: 'histogram_quantile',
    params: [{ label: 'Quantile', initial: '0.95' }],
    print: (inner, [quantile]) => `histogram_quantile(${quantile}, ${inner})`,
    explain: ([quantile]) => `The value that a share of ${quantile} stays below, from the buckets of a histogram.`,
  },
  {
    id: 'topk',
    label: 'topk',
    params: [{ label: 'How many', initial: '5' }],
    print: (inner, [n]) => `topk(${n}, ${inner})`,
    explain: ([n]) => `Only the ${n} greatest series.`,
  },
  {
    id: 'multiply',
    label: '× number',
    params: [{ label: 'Factor', initial: '100' }],
    print: (inner, [factor]) => `${inner} * ${factor}`,
    explain: ([factor]) => `Multiplied by ${factor}.`,
  },
  {
    id: 'greater',
    label: '> number',
    params: [{ label: 'Bound', initial: '0' }],
    print: (inner, [bound]) => `${inner} > ${bound}`,
    explain: ([bound]) => `Only where it is over ${bound}.`,
  },
];

const kindOf = (operation: Operation) => OPERATIONS.find((kind) => kind.id === operation.id);

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
  return build.operations.reduce(
    (inner, operation) => {
      const binary = / [*>] \S+$/.test(inner) && (operation.id === 'multiply' || operation.id === 'greater');
      return kindOf(operation)?.print(binary ? `(${inner})` : inner, operation.params) ?? inner;
    },
    selector(build.metric, build.labels)
  );
}

/** A sentence for the selection and one for each operation, in the order they apply. */
export function explain(build: MetricsBuild): string[] {
  const of = build.metric ? `All series of ${build.metric}` : 'All series';
  const conditions = build.labels.filter((l) => l.key).map((l) => `${l.key} ${l.op} ${l.value}`);
  return [
    conditions.length > 0 ? `${of} where ${conditions.join(' and ')}.` : `${of}.`,
    ...build.operations.map((operation) => kindOf(operation)?.explain(operation.params) ?? operation.id),
  ];
}
