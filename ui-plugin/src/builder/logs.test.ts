import { LogsBuild } from '../types';
import { EMPTY_LOGS, explainLogs, printLogs, withoutOperation } from './logs';

const build = (part: Partial<LogsBuild>): LogsBuild => ({ ...EMPTY_LOGS, ...part });

it.each<[Partial<LogsBuild>, string]>([
  [{}, '{}'],
  [{ labels: [{ key: 'service.name', op: '=~', value: 'a"|b' }] }, '{service_name=~"a\\"|b"}'],
  [
    {
      filters: [
        { op: '|=', value: 'x' },
        { op: '!~', value: '' },
      ],
    },
    '{} |= "x"',
  ],
  [{ parser: 'pattern' }, '{}'],
  [{ parser: 'pattern', parserText: '<ip> <_>' }, '{} | pattern "<ip> <_>"'],
  [
    {
      parser: 'json',
      fields: [
        { key: 'status', op: '>=', value: '500' },
        { key: 'took', op: '>', value: '1.5s' },
        { key: 'path', op: '!=', value: '/' },
      ],
    },
    '{} | json | status >= 500 | took > 1.5s | path!="/"',
  ],
  [{ operations: [{ id: 'rate', params: ['5m'] }] }, 'rate({} [5m])'],
  [
    {
      labels: [{ key: 'service.name', op: '=', value: 'cart' }],
      operations: [
        { id: 'count_over_time', params: ['$__interval'] },
        { id: 'sum', params: ['service.name , detected_level'] },
        { id: 'multiply', params: ['60'] },
        { id: 'greater', params: ['5'] },
      ],
    },
    '(sum by (service_name, detected_level) (count_over_time({service_name="cart"} [$__interval])) * 60) > 5',
  ],
  [
    {
      parser: 'logfmt',
      operations: [
        { id: 'quantile_over_time', params: ['0.99', 'took.ms', '1m'] },
        { id: 'topk', params: ['3'] },
      ],
    },
    'topk(3, quantile_over_time(0.99, {} | logfmt | unwrap took_ms [1m]))',
  ],
  [
    {
      operations: [
        { id: 'sum_over_time', params: ['', '1m'] },
        { id: 'sum', params: [''] },
      ],
    },
    '{}',
  ],
])('%j is %s', (part, want) => expect(printLogs(build(part))).toBe(want));

it('explains each step', () => {
  const all = build({
    labels: [{ key: 'a', op: '=', value: 'b' }],
    filters: [{ op: '|=', value: 'x' }],
    parser: 'json',
    fields: [{ key: 'c', op: '>', value: '1' }],
  });
  expect(explainLogs(all)).toEqual([
    'Lines where a = b.',
    'Only those whose text contains x.',
    'Labels are made by the parser json.',
    'Only those where c > 1.',
  ]);
  const operations = [
    { id: 'avg_over_time', params: ['took', '1m'] },
    { id: 'max', params: ['zone'] },
  ];
  expect(explainLogs(build({ operations }))).toEqual([
    'All lines.',
    'The average of the numbers in took over 1m.',
    'The greatest value for each zone.',
  ]);
  expect(withoutOperation(operations, 1)).toEqual([operations[0]]);
  expect(withoutOperation(operations, 0)).toEqual([]);
  expect(explainLogs(EMPTY_LOGS)).toEqual(['All lines.']);
});
