import { Operation } from '../types';

// Steps of the builders that make series of series, and how steps are printed and told one after the other.

export interface OperationKind {
  id: string;
  label: string;
  params: Array<{ label: string; initial: string; from?: 'labels' }>;
  print: (inner: string, params: string[]) => string;
  explain: (params: string[]) => string;
}

const aggregation = (id: string, what: string): OperationKind => ({
  id,
  label: id,
  params: [{ label: 'By labels', initial: '', from: 'labels' }],
  print: (inner, [labels]) => (labels ? `${id} by (${labels}) (${inner})` : `${id}(${inner})`),
  explain: ([labels]) => (labels ? `${what} for each ${labels}.` : `${what} of all series.`),
});

export const AGGREGATIONS: OperationKind[] = [
  aggregation('sum', 'The sum'),
  aggregation('avg', 'The average'),
  aggregation('max', 'The greatest value'),
  aggregation('min', 'The least value'),
  aggregation('count', 'The number of series'),
];

export const ARITHMETIC: OperationKind[] = [
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
    print: (inner, [factor]) => `${bracketed(inner)} * ${factor}`,
    explain: ([factor]) => `Multiplied by ${factor}.`,
  },
  {
    id: 'greater',
    label: '> number',
    params: [{ label: 'Bound', initial: '0' }],
    print: (inner, [bound]) => `${bracketed(inner)} > ${bound}`,
    explain: ([bound]) => `Only where it is over ${bound}.`,
  },
];

const bracketed = (inner: string) => (/ [*>] \S+$/.test(inner) ? `(${inner})` : inner);

const kindOf = (kinds: OperationKind[], { id }: Operation) => kinds.find((kind) => kind.id === id);

/** The operations around an expression, the first one innermost; what is not known is left out. */
export const applied = (kinds: OperationKind[], operations: Operation[], to: string): string =>
  operations.reduce((inner, one) => kindOf(kinds, one)?.print(inner, one.params) ?? inner, to);

/** A sentence for each operation. */
export const said = (kinds: OperationKind[], operations: Operation[]): string[] =>
  operations.map((one) => kindOf(kinds, one)?.explain(one.params) ?? one.id);

/** An operation as it is added. */
export const fresh = (kind: OperationKind): Operation => ({ id: kind.id, params: kind.params.map((p) => p.initial) });
