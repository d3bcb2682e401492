import { createTheme, ThemeContext } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { Alert, GlobalStyles, LoadingPlaceholder, PortalContainer, Stack } from '@grafana/ui';
import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { DashboardPage } from './DashboardPage';
import { ExplorePage } from './ExplorePage';
import { load, Loaded } from './plugin';
import { SettingsPage } from './SettingsPage';

// Monaco computes diffs and links in a worker; without one it would do so on the page's own thread.
Object.assign(window, { MonacoEnvironment: { getWorker: () => new Worker('/preview/worker.js') } });

const THEME = createTheme({
  colors: { mode: new URLSearchParams(window.location.search).get('theme') === 'dark' ? 'dark' : 'light' },
});

/** Pages as Grafana has them under the same addresses, each as small as it can be. */
function App({ loaded }: { loaded: Loaded }) {
  const [names, setNames] = useState<string[]>([]);
  useEffect(() => {
    fetch('/dashboards.json')
      .then((r) => r.json())
      .then(setNames, () => {});
  }, []);
  const path = window.location.pathname;
  return (
    <div style={{ padding: 16, minHeight: '100vh', background: THEME.colors.background.canvas }}>
      <Alert severity="info" title="This is a preview of the Trefoil data source. It is not Grafana." />
      <nav aria-label="Pages" style={{ paddingBottom: 12 }}>
        <Stack direction="row" gap={2} wrap="wrap">
          <a href="/explore">Explore</a>
          <a href="/settings">Settings</a>
          {names.map((name) => (
            <a key={name} href={`/d/${name}`}>
              {name.replaceAll('-', ' ')}
            </a>
          ))}
        </Stack>
      </nav>
      <main>
        {path.startsWith('/d/') ? (
          <DashboardPage {...loaded} name={path.slice(3)} />
        ) : path === '/settings' ? (
          <SettingsPage {...loaded} />
        ) : (
          <ExplorePage {...loaded} />
        )}
      </main>
    </div>
  );
}

async function start() {
  await initPluginTranslations('trefoil-datasource');
  const root = createRoot(document.getElementById('root')!);
  const show = (content: React.ReactNode) =>
    root.render(
      <ThemeContext.Provider value={THEME}>
        <GlobalStyles />
        {content}
        <PortalContainer />
      </ThemeContext.Provider>
    );
  show(<LoadingPlaceholder text="Loading the plugin" />);
  try {
    show(<App loaded={await load()} />);
  } catch (err) {
    show(<Alert title="The plugin did not load">{String(err)}</Alert>);
  }
}

void start();
