import { CodeLanguage } from '../types';
import { complete, placeOf } from './completion';

describe('placeOf', () => {
  it.each<[CodeLanguage, string, object]>([
    ['promql', 'sum(ra', { kind: 'word', typed: 'ra' }],
    ['promql', 'rate(x[$__r', { kind: 'word', typed: '$__r' }],
    ['promql', 'up{', { kind: 'label', typed: '', metric: 'up' }],
    ['promql', 'up{job="a", inst', { kind: 'label', typed: 'inst', metric: 'up' }],
    ['promql', 'up{job=~"a\\"', { kind: 'value', label: 'job', typed: 'a\\"', metric: 'up' }],
    ['metricsql', '{job="', { kind: 'value', label: 'job', typed: '' }],
    ['promql', 'up{job', { kind: 'label', typed: 'job', metric: 'up' }],
    ['promql', 'up{job ', { kind: 'nothing' }],
    ['promql', 'sum by (a, zo', { kind: 'label', typed: 'zo' }],
    ['promql', 'up{job="a"} * si', { kind: 'word', typed: 'si' }],
    ['logql', '{service_name="ca', { kind: 'value', label: 'service_name', typed: 'ca' }],
    ['logql', '{a="b"} |= "x', { kind: 'nothing' }],
    ['logql', '{a="b"} | json | level="e', { kind: 'value', label: 'level', typed: 'e' }],
    ['logql', '{a="b"} | js', { kind: 'word', typed: 'js' }],
    ['logql', '{a=`{`, ', { kind: 'label', typed: '' }],
    ['traceql', '{ .http', { kind: 'label', typed: '.http' }],
    ['traceql', '{ (status = error || resource.s', { kind: 'label', typed: 'resource.s' }],
    ['traceql', '{ span.http.route = "/', { kind: 'value', label: 'span.http.route', typed: '/' }],
    ['traceql', '{ status ', { kind: 'nothing' }],
    ['traceql', '{ } | ra', { kind: 'word', typed: 'ra' }],
  ])('%s %j: %j', (language, before, place) => expect(placeOf(language, before)).toEqual(place));
});

describe('complete', () => {
  const names = {
    metrics: jest.fn(async () => ['http_requests_total']),
    labels: jest.fn(async () => ['job']),
    values: jest.fn(async () => ['a"b']),
  };
  const labels = async (language: CodeLanguage, before: string) =>
    (await complete(language, placeOf(language, before), names)).map((s) => s.label);

  it('offers functions, metrics and macros where a word belongs', async () => {
    expect(await labels('promql', 'ra')).toEqual(
      expect.arrayContaining(['rate', 'http_requests_total', '$__rate_interval'])
    );
    expect(await labels('logql', '{} | ')).toEqual(expect.arrayContaining(['json', 'line_format']));
    expect(await labels('logql', '')).not.toContain('http_requests_total');
  });

  it('offers labels and values of the metric, values as they are quoted', async () => {
    expect(await labels('promql', 'up{')).toEqual(['job']);
    expect(names.labels).toHaveBeenLastCalledWith('up');
    expect(await complete('promql', placeOf('promql', 'up{job="'), names)).toEqual([
      { label: 'a"b', kind: 'value', insert: 'a\\"b' },
    ]);
    expect(names.values).toHaveBeenLastCalledWith('job', 'up');
    expect(await labels('traceql', '{ ')).toEqual(expect.arrayContaining(['job', 'status', 'duration']));
  });

  it('offers what it can without names', async () => {
    names.metrics.mockRejectedValueOnce(new Error('down'));
    expect(await labels('promql', 'ra')).toContain('rate');
    names.values.mockRejectedValueOnce(new Error('down'));
    expect(await labels('promql', 'up{job="')).toEqual([]);
    expect(await labels('logql', '{} |= "')).toEqual([]);
  });
});
