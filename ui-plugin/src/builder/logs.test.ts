import { LogsBuild } from '../types';
import { EMPTY_LOGS, explainLogs, printLogs } from './logs';

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
  expect(explainLogs(EMPTY_LOGS)).toEqual(['All lines.']);
});
