// Drives the built plugin in a browser, before a running Trefoil: make plugin-e2e.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { root, startAll, until } from './live.mjs';

const SHOTS = join(root, 'ui-plugin', 'preview', 'screenshots');

let all;
let page;
const problems = [];

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  all = await startAll();
  page = await all.browser.newPage({ viewport: { width: 1280, height: 1000 } });
  page.setDefaultTimeout(60_000);
  page.on('pageerror', (err) => problems.push(err.message));
});
after(() => all?.stop());

const open = async (path) => {
  await page.goto(all.url + path);
  await page.getByText('It is not Grafana').waitFor();
};
const explore = async (query) => {
  await open(query ? `/explore?left=${encodeURIComponent(JSON.stringify({ queries: [{ refId: 'A', ...query }] }))}` : '/explore');
  await page.getByTestId('editor').getByRole('tab').first().waitFor();
};
const tab = (name) => page.getByTestId('editor').getByRole('tab', { name, exact: true }).click();
const shot = (name) => page.screenshot({ path: join(SHOTS, `${name}.png`) });
const done = () => page.getByTestId('state').filter({ hasText: 'Done' }).waitFor();
const run = async () => {
  await page.getByRole('button', { name: 'Run query' }).click();
  await done();
};

/** Replaces the text of the code editor. */
async function code(text) {
  await page.locator('.monaco-editor .view-lines').first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
  await page.keyboard.press('Escape');
}

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

test('a mistake is told with its place', async () => {
  await explore({ queryType: 'metrics', expr: 'sum(rate(x[5m])' });
  await page.getByText(/line 1, column \d+/).first().waitFor();
});

test('logs are found, and a line leads to its trace', async () => {
  await explore({ queryType: 'logs', severity: 'ERROR' });
  assert.ok((await rows('logs')) > 0);
  await accessible('logs');
  await shot('logs');
  await page.getByTestId('frame-logs').locator('a[href^="/explore?left="]').filter({ hasText: /^[0-9a-f]{32}$/ }).first().click();
  assert.ok((await rows('trace')) > 1, 'spans of the trace');
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

test('settings are checked', async () => {
  await open('/settings');
  await page.getByRole('button', { name: 'Save & test' }).click();
  await page.getByText(/is ready \(engine/).waitFor();
  await accessible('settings');
  await shot('settings');
});

test('the page has thrown nothing', () => assert.deepEqual(problems, []));
