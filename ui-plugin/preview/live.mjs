// What the browser test runs: a trefoil with demo data in a folder of its own,
// the preview before it, and Debian's Chromium. All on free ports of loopback.
import { chromium } from 'playwright-core';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

// Nothing but the pages under test is spoken to.
const CHROMIUM = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Repeats look until it returns something true; null after a while is an error that names what. */
export async function until(what, look, seconds = 60) {
  let last;
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(250)) {
    try {
      const found = await look();
      if (found) {
        return found;
      }
    } catch (err) {
      last = err;
    }
  }
  throw new Error(`${what}: not within ${seconds} s${last ? `: ${last.message}` : ''}`);
}

export async function startAll() {
  const dir = mkdtempSync(join(tmpdir(), 'trefoil-e2e-'));
  const processes = [];
  const run = (file, args) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    child.said = '';
    child.stdout.on('data', (text) => (child.said += text));
    child.ended = new Promise((done) => child.on('exit', done));
    processes.push(child);
    return child;
  };
  const stop = async () => {
    for (const child of processes.reverse()) {
      child.kill('SIGTERM');
      await Promise.race([child.ended, sleep(20_000).then(() => child.kill('SIGKILL'))]);
    }
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const any = '127.0.0.1:0';
    const bin = join(root, 'bin');
    run(join(bin, 'trefoil'), [
      ...['serve', '--data-dir', dir, '--http-addr', any, '--otlp-grpc-addr', any, '--otlp-http-addr', any],
      ...['--rules', join(root, 'deploy/compose/rules/*.yaml')],
    ]);
    const at = await until('trefoil serves', () => JSON.parse(readFileSync(join(dir, 'endpoints.json'), 'utf8')));
    const trefoil = `http://${at.http}`;
    await until('trefoil is ready', async () => (await fetch(`${trefoil}/readyz`)).ok);
    const demo = run(join(bin, 'trefoil'), [
      'demo',
      '--rate',
      '10',
      '--seed',
      '7',
      '--break',
      'payment=0.5',
      '--endpoint',
      at.otlp_grpc,
    ]);
    const trace = (await until('the demo names a trace', () => /trace ([0-9a-f]{32})/.exec(demo.said)))[1];
    const host = run(join(bin, 'plugin-preview'), [
      '-addr',
      any,
      '-trefoil',
      trefoil,
      '-root',
      join(root, 'ui-plugin'),
      '-interval',
      '5s', // as the demo exports; two minutes of data are then enough for every rate
    ]);
    const url = (await until('the preview serves', () => /is at (http:\S+?),/.exec(host.said)))[1];
    await until(
      'a minute of data',
      async () => {
        const query = encodeURIComponent('sum(rate(shop_orders_total[1m]))');
        const answer = await (await fetch(`${trefoil}/prometheus/api/v1/query?query=${query}`)).json();
        return answer.data?.result?.length > 0;
      },
      180
    );
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: CHROMIUM,
    });
    return { url, trefoil, trace, browser, stop: () => browser.close().then(stop, stop) };
  } catch (err) {
    await stop();
    throw err;
  }
}
