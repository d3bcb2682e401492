// Bundles the preview's page with the real @grafana/* packages into preview/dist.
import { build } from 'esbuild';
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'dist');
mkdirSync(out, { recursive: true });

// Grafana's packages import this one from .mjs files, to which a bundler gives the whole CommonJS module for its default.
const scrollbars = {
  name: 'default-of-scrollbars',
  setup(b) {
    b.onResolve({ filter: /^react-custom-scrollbars-2$/ }, (args) =>
      args.namespace === 'shim' ? undefined : { path: args.path, namespace: 'shim' }
    );
    b.onLoad({ filter: /.*/, namespace: 'shim' }, () => ({
      contents: `const all = require('react-custom-scrollbars-2'); export const Scrollbars = all.Scrollbars; export default all.Scrollbars;`,
      resolveDir: here,
    }));
  },
};

await build({
  plugins: [scrollbars],
  entryPoints: { main: join(here, 'page', 'main.tsx'), worker: 'monaco-editor/esm/vs/editor/editor.worker.js' },
  absWorkingDir: dirname(here),
  bundle: true,
  outdir: out,
  format: 'iife',
  target: 'chrome120',
  jsx: 'automatic',
  minify: true,
  // SystemJS puts AMD's define on the page, which libraries would take for a loader of their own.
  define: { 'process.env.NODE_ENV': '"production"', global: 'window', define: 'undefined' },
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.ttf': 'file', '.woff': 'file', '.woff2': 'file' },
  logLevel: 'warning',
});
for (const file of ['system.min.js', 'extras/amd.min.js']) {
  cpSync(join(here, '..', 'node_modules', 'systemjs', 'dist', file), join(out, file.replace('extras/', '')));
}
