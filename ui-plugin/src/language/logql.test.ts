import { findsLines, linesIn, logLabel, withMatcher } from './logql';

it.each([
  ['{a="b"} |= "x"', true],
  [' # (rate)\n ({})', true],
  ['sum(rate({}[5m]))', false],
  ['"{"', false],
  ['', false],
])('%j finds lines: %s', (query, lines) => expect(findsLines(query)).toBe(lines));

it.each([
  ['sum by (a) (rate({a="b[}"} |= "[" | json [5m])) / 2', '{a="b[}"} |= "[" | json'],
  ['quantile_over_time(0.9, {a="b"} | json | unwrap took | x="y" [5m])', '{a="b"} | json | unwrap took | x="y"'],
  ['sum_over_time({a="b"} | json | unwrap bytes(size) [5m])', '{a="b"} | json'],
  ['{a="b"}', '{a="b"}'],
  ['1 + 1', undefined],
])('the lines of %j are %j', (query, lines) => expect(linesIn(query)).toBe(lines));

it('adds a condition to the first selector', () => {
  expect(withMatcher('sum(rate({}[5m]))', 'http.route', '=', '/a"')).toBe('sum(rate({http_route="/a\\""}[5m]))');
  expect(withMatcher('{a="}"} | json', 'b', '!=', 'c')).toBe('{a="}", b!="c"} | json');
  expect(withMatcher('', 'b', '=', 'c')).toBe('{b="c"}');
});

it('names attributes as LogQL does', () => {
  expect(['k8s.pod-name', '7up', 'a'].map(logLabel)).toEqual(['k8s_pod_name', '_7up', 'a']);
});
