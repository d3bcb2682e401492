import {
  checkAttribute,
  checkDuration,
  checkExpr,
  checkLineLimit,
  checkTenant,
  checkTraceId,
  checkUrl,
} from './validation';

const ID = '5b8efff798038103d269b633813fc60c';

it.each([undefined, '', '15s', '1h30m', '500ms', '$step', '${step}'])('duration %s is fine', (text) => {
  expect(checkDuration(text)).toBeUndefined();
});
it.each(['15', 's', '0s', '1 m', '-1s', '1x'])('duration %s is not', (text) => {
  expect(checkDuration(text)).toMatch(/Not a duration/);
});

it.each([ID, ID.toUpperCase(), ` ${ID} `, ID.slice(16), '$trace'])('trace ID %s is fine', (text) => {
  expect(checkTraceId(text)).toBeUndefined();
});
it.each([undefined, ' ', 'xyz', ID.slice(1), ID.replace('c', 'g')])('trace ID %s is not', (text) => {
  expect(checkTraceId(text)).toBeDefined();
});

it.each(['', 'http://127.0.0.1:8733', 'https://host/trefoil/'])('URL %s is fine', (text) => {
  expect(checkUrl(text)).toBeUndefined();
});
it.each(['127.0.0.1:8733', 'trefoil', 'ftp://host', 'http://a:b@host', 'http://host?x', 'http://host:4317'])(
  'URL %s is not',
  (text) => {
    expect(checkUrl(text)).toBeDefined();
  }
);

it.each([undefined, '', 'default', "a_b.c!*'()-1"])('tenant %s is fine', (text) => {
  expect(checkTenant(text)).toBeUndefined();
});
it.each(['.', '..', 'a b', 'ü', 'a'.repeat(151)])('tenant %s is not', (text) => {
  expect(checkTenant(text)).toBeDefined();
});

it('checks the rest', () => {
  expect(checkExpr(' ')).toBeDefined();
  expect(checkExpr('up')).toBeUndefined();
  expect(checkLineLimit(undefined)).toBeUndefined();
  expect(checkLineLimit(0)).toBeDefined();
  expect(checkLineLimit(1.5)).toBeDefined();
  expect(checkAttribute({ key: '', op: '=', value: '' })).toBeUndefined();
  expect(checkAttribute({ key: '', op: '=', value: 'x' })).toBe('Name the attribute');
  expect(checkAttribute({ key: 'a=b', op: '=', value: 'x' })).toBeDefined();
});
