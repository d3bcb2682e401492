// Drives the built plugin in a browser, before a running Trefoil: make plugin-e2e.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test as nodeTest } from 'node:test';

import { root, startAll, until } from './live.mjs';

const SHOTS = join(root, 'ui-plugin', 'preview', 'screenshots');

const LINK = 'a[href^="/explore?left="]';
const ID = /^[0-9a-f]{32}$/;

let all;
let page;
const problems = [];

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  all = await startAll();
  page = await all.browser.newPage({ viewport: { width: 1280, height: 1000 } });
  page.setDefaultTimeout(Number(process.env.E2E_TIMEOUT_MS ?? 60_000));
  page.on('pageerror', (err) => problems.push(err.message));
});
after(() => all?.stop());

/** A test that leaves a picture of the page where it fails. */
const test = (name, run) =>
  nodeTest(name, async () => {
    try {
      await run();
    } catch (err) {
      await page.screenshot({ path: join(SHOTS, `failed ${name}.png`) }).catch(() => {});
      throw err;
    }
  });

const open = async (path) => {
  await page.goto(all.url + path);
  await page.getByText('It is not Grafana').waitFor();
};
const explore = async (query) => {
  await open(
    query ? `/explore?left=${encodeURIComponent(JSON.stringify({ queries: [{ refId: 'A', ...query }] }))}` : '/explore'
  );
  await page.getByTestId('editor').getByRole('tab').first().waitFor();
};
const tab = (name) => page.getByTestId('editor').getByRole('tab', { name, exact: true }).click();
/** One of a row of radio buttons; the button itself lies over its label. */
const choose = (name) => page.getByTestId('editor').getByRole('radio', { name, exact: true }).click();
const shot = (name) => page.screenshot({ path: join(SHOTS, `${name}.png`) });
const done = () => page.getByTestId('state').filter({ hasText: 'Done' }).waitFor();
const run = async () => {
  await page.getByRole('button', { name: 'Run query' }).click();
  await done();
};

/** Replaces the text of the code editor. */
async function code(text) {
  // Not by a click: what the editor suggests may lie over it.
  await page.locator('.monaco-editor .inputarea, .monaco-editor .native-edit-context').first().focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
  await page.keyboard.press('Delete'); // the quote or bracket that was closed behind the cursor
  await page.keyboard.press('Escape');
}

/** What Monaco offers under that name. */
const suggested = (name) => page.locator('.suggest-widget .monaco-list-row', { hasText: name }).first();

/** Rows of the frames of one kind that are shown. */
async function rows(kind) {
  const frames = page.getByTestId('results').getByTestId(`frame-${kind}`);
  await frames.first().waitFor();
  return Number(await frames.first().getAttribute('data-rows'));
}

/** Serious faults of the editor's accessibility; Monaco's own insides are not ours. */
async function accessible(name) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(
      { include: [['[data-testid="editor"]']], exclude: [['.monaco-editor']] },
      { resultTypes: ['violations'] }
    );
    return violations
      .filter((v) => v.impact === 'serious' || v.impact === 'critical')
      .map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' ')}`);
  });
  assert.deepEqual(found, [], `${name}: accessibility`);
}

test('metrics are drawn', async () => {
  await explore();
  await code('sum by (service_name) (rate(http_server_request_duration_seconds_count[1m]))');
  await page.keyboard.press('Shift+Enter');
  await done();
  const graph = page.getByTestId('graph');
  await graph.locator('canvas').first().waitFor();
  assert.ok(Number(await graph.getAttribute('data-series')) >= 3, 'a series for each service');
  await accessible('metrics');
  await shot('metrics');
});

test('an instant query is a table', async () => {
  await explore({ queryType: 'metrics', expr: 'sum by (outcome) (shop_orders_total)', instant: true });
  assert.ok((await rows('table')) >= 1);
});

test('the builder builds, explains and runs', async () => {
  await explore();
  await choose('Builder');
  await page.getByLabel('Metric', { exact: true }).fill('shop_orders');
  await page.getByRole('option', { name: 'shop_orders_total' }).click();
  await page.getByLabel('Add an operation').fill('rate');
  await page.getByRole('option', { name: 'rate', exact: true }).click();
  await page.getByText('The increase per second of a counter').waitFor();
  await page.getByTestId('graph').locator('canvas').first().waitFor();
  await accessible('builder');
  await shot('builder');
});

test('exemplars lead to traces', async () => {
  const expr = 'histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket[1m])))';
  await explore({ queryType: 'metrics', expr, exemplars: true });
  assert.ok((await rows('table')) > 0, 'exemplars');
  await page.getByTestId('frame-table').locator(LINK).filter({ hasText: ID }).first().click();
  assert.ok((await rows('trace')) > 1);
});

test('a histogram is a heatmap', async () => {
  await explore({
    queryType: 'metrics',
    expr: 'sum by (le) (rate(http_server_request_duration_seconds_bucket[1m]))',
    format: 'heatmap',
  });
  assert.ok((await rows('heatmap')) > 1);
});

test('a mistake is underlined as it is typed, and told below', async () => {
  await explore();
  await code('sum by (job) (rate(up[5m])) )');
  await page.getByText(/^Line 1, column \d+: /).waitFor();
  await page.locator('.squiggly-error').first().waitFor();
  await accessible('a mistake');
  await shot('mistake');
  await code('sum by (job) (rate(up[$__rate_interval]))');
  await page.locator('.squiggly-error').waitFor({ state: 'detached' });
});

test('the editor completes functions, labels and values, and helps on hover', async () => {
  await explore();
  await code('');
  await page.keyboard.type('histogram_q');
  await suggested('histogram_quantile').click();
  await code('');
  await page.keyboard.insertText('shop_orders_total{');
  await page.keyboard.press('Control+Space');
  await suggested('outcome').waitFor();
  await page.keyboard.insertText('outcome="');
  await page.keyboard.press('Control+Space');
  await suggested('placed').waitFor();
  await shot('completion');
  await code('rate(shop_orders_total[1m])');
  await page
    .locator('.view-line span', { hasText: /^rate$/ })
    .first()
    .hover();
  await page.locator('.monaco-hover').getByText('Increase per second').first().waitFor();
});

test('LogQL finds lines, counts them and is built', async () => {
  await explore({ queryType: 'logs', logsMode: 'code' });
  await code('{service_name="payment"} |= ');
  await page.getByText(/^Line 1, column \d+: /).waitFor();
  await code('{service_name="');
  await page.keyboard.press('Control+Space');
  await suggested('payment').waitFor();
  await code('{service_name="payment"} | detected_level="error"');
  await page.keyboard.press('Shift+Enter');
  await done();
  assert.ok((await rows('logs')) > 0, 'lines');
  await accessible('LogQL');
  await shot('logql');
  await code('sum by (detected_level) (rate({} [1m]))');
  await page.keyboard.press('Shift+Enter');
  await done();
  await page.getByTestId('graph').locator('canvas').first().waitFor();
  assert.ok(Number(await page.getByTestId('graph').getAttribute('data-series')) >= 2, 'a series for each level');
  await accessible('LogQL that makes series');
  await choose('Builder');
  await page.getByLabel('Label', { exact: true }).fill('service');
  await page.getByRole('option', { name: 'service.name', exact: true }).click();
  await page.getByLabel('Label: value').fill('checkout');
  await page.getByRole('option', { name: 'checkout', exact: true }).click();
  await page.getByText('Lines where service.name = checkout.').waitFor();
  await done();
  assert.ok((await rows('logs')) > 0, 'lines of the builder');
  await accessible('logs builder');
  await page.getByLabel('Add an operation').fill('count');
  await page.getByRole('option', { name: 'count_over_time', exact: true }).click();
  await page.getByLabel('Add an operation').fill('sum');
  await page.getByRole('option', { name: 'sum', exact: true }).click();
  await page.getByLabel('sum: By labels').fill('detected_level');
  await page.keyboard.press('Enter');
  await page.getByText('The sum for each detected_level.').waitFor();
  await page.getByTestId('graph').locator('canvas').first().waitFor();
  await accessible('logs builder of series');
  await shot('logs-builder');
});

test('traces are found by form and by TraceQL, and make a service graph', async () => {
  await explore({ queryType: 'traces', tracesMode: 'search', search: { status: 'error' } });
  assert.ok((await rows('table')) > 0, 'failed traces');
  await accessible('trace search');
  await page.getByTestId('frame-table').locator(LINK).filter({ hasText: ID }).first().click();
  assert.ok((await rows('trace')) > 1, 'spans of a trace found');
  await explore({ queryType: 'traces', tracesMode: 'traceql' });
  await code('{ resource.service.name = "payment" && status = error }');
  await page.keyboard.press('Shift+Enter');
  await done();
  assert.ok((await rows('table')) > 0, 'traces by TraceQL');
  await accessible('TraceQL');
  await choose('Service graph');
  assert.ok((await rows('nodeGraph')) > 2, 'services');
  await accessible('service graph');
  await shot('service-graph');
});

test('a log line leads to its trace, and that to the metrics of a service', async () => {
  await explore({ queryType: 'logs', logsMode: 'code', logql: '{service_name="payment"} | detected_level="error"' });
  await rows('logs');
  await page.getByTestId('frame-logs').locator(LINK).filter({ hasText: ID }).first().click();
  assert.ok((await rows('trace')) > 1, 'spans');
  await page
    .getByTestId('frame-trace')
    .locator(LINK)
    .filter({ hasText: /^payment$/ })
    .first()
    .click();
  await page.getByTestId('graph').locator('canvas').first().waitFor();
});

test('a mistake is told with its place', async () => {
  await explore({ queryType: 'metrics', expr: 'sum(rate(x[5m])' });
  await page
    .getByText(/line 1, column \d+/)
    .first()
    .waitFor();
});

test('logs are found, and a line leads to its trace', async () => {
  await explore({ queryType: 'logs', severity: 'ERROR' });
  assert.ok((await rows('logs')) > 0);
  await accessible('logs');
  await shot('logs');
  await page.getByTestId('frame-logs').locator(LINK).filter({ hasText: ID }).first().click();
  assert.ok((await rows('trace')) > 1, 'spans of the trace');
});

test('a span leads to its logs and to the metrics of its service', async () => {
  await explore({ queryType: 'traces', traceId: all.trace });
  assert.ok((await rows('trace')) > 5);
  await page
    .getByTestId('frame-trace')
    .locator(LINK)
    .filter({ hasText: /^checkout$/ })
    .first()
    .click();
  await page.getByTestId('graph').locator('canvas').first().waitFor();
  await shot('span-to-metrics');
  await explore({ queryType: 'traces', traceId: all.trace });
  await page.getByTestId('frame-trace').locator(LINK).filter({ hasText: ID }).first().click();
  assert.ok((await rows('logs')) > 1, 'logs of the trace');
  await page.getByRole('button', { name: `trace ${all.trace}` }).waitFor();
});

test('live tail brings new lines', async () => {
  await explore();
  await tab('Logs');
  await page.getByRole('button', { name: 'Live' }).click();
  const first = await rows('logs');
  await until('more lines', async () => (await rows('logs')) > first);
  await page.getByRole('button', { name: 'Stop live' }).click();
});

test('a trace is shown', async () => {
  await explore({ queryType: 'traces', traceId: all.trace });
  assert.ok((await rows('trace')) > 5);
  await accessible('traces');
  await shot('trace');
});

test('alerts are listed and have a history', async () => {
  await explore();
  await tab('Alerts');
  await run();
  await accessible('alerts');
  await choose('History');
  await done();
  await shot('alerts');
});

test('dashboards are filled', async () => {
  for (const name of ['trefoil-services', 'trefoil-service', 'trefoil-genai', 'trefoil-runtimes']) {
    const panels = page.getByTestId('panel');
    const filled = async () => {
      await open(`/d/${name}`);
      await panels.first().waitFor();
      const states = () => panels.evaluateAll((all) => all.map((p) => p.dataset.state));
      await until(`${name} has its answers`, async () => (await states()).every((state) => state === 'Done'), 120);
      return (await panels.getByText('No data').count()) === 0;
    };
    await until(`${name}: every panel has data`, filled, 180);
    await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  }
});

test('settings are checked', async () => {
  await open('/settings');
  await page.getByRole('button', { name: 'Save & test' }).click();
  await page.getByText(/is ready \(engine/).waitFor();
  await accessible('settings');
  await shot('settings');
});

test('the page has thrown nothing', () => assert.deepEqual(problems, []));
