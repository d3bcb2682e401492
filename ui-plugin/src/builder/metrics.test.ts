import { MetricsBuild } from '../types';
import { EMPTY_BUILD, explain, OPERATIONS, print, selector } from './metrics';

const build = (part: Partial<MetricsBuild>): MetricsBuild => ({ ...EMPTY_BUILD, ...part });

it.each([
  ['up', [], 'up'],
  ['', [{ key: 'job', op: '=', value: 'a' }], '{job="a"}'],
  ['up', [{ key: 'job', op: '=~', value: 'a|b' }], 'up{job=~"a|b"}'],
  ['up', [{ key: '', op: '=', value: 'x' }], 'up'],
  ['http.server.duration', [], '{"http.server.duration"}'],
  ['up', [{ key: 'service.name', op: '!=', value: 'say "hi"\\' }], 'up{"service.name"!="say \\"hi\\"\\\\"}'],
])('selector(%j, %j) is %s', (metric, labels, want) => {
  expect(selector(metric, labels)).toBe(want);
});

it('prints operations from the inside out', () => {
  expect(
    print(
      build({
        metric: 'requests_bucket',
        operations: [
          { id: 'rate', params: ['5m'] },
          { id: 'sum', params: ['le'] },
          { id: 'histogram_quantile', params: ['0.9'] },
          { id: 'multiply', params: ['1000'] },
          { id: 'greater', params: ['5'] },
        ],
      })
    )
  ).toBe('(histogram_quantile(0.9, sum by (le) (rate(requests_bucket[5m]))) * 1000) > 5');
});

it('prints nothing while nothing is chosen, and sums without labels', () => {
  expect(print(EMPTY_BUILD)).toBe('');
  expect(print(build({ metric: 'up', operations: [{ id: 'sum', params: [''] }] }))).toBe('sum(up)');
});

it('explains every operation in a sentence', () => {
  for (const kind of OPERATIONS) {
    const lines = explain(
      build({ metric: 'up', operations: [{ id: kind.id, params: kind.params.map((p) => p.initial) }] })
    );
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe('All series of up.');
    expect(lines[1]).toMatch(/\.$/);
  }
  expect(explain(build({ labels: [{ key: 'job', op: '=', value: 'a' }] }))).toEqual(['All series where job = a.']);
});
