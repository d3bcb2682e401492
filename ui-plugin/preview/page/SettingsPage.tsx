import { DataSourceSettings } from '@grafana/data';
import { Alert, Button, Stack } from '@grafana/ui';
import React, { useState } from 'react';

import type { TrefoilOptions, TrefoilSecrets } from '../../src/types';
import { Loaded } from './plugin';

/** The configuration editor; nothing it says is kept, and the test asks with the settings the preview was started with. */
export function SettingsPage({ plugin, settings, datasource }: Loaded) {
  const [options, setOptions] = useState<DataSourceSettings<TrefoilOptions, TrefoilSecrets>>({
    ...(settings as unknown as DataSourceSettings<TrefoilOptions, TrefoilSecrets>),
    url: '',
    basicAuth: false,
    basicAuthUser: '',
    secureJsonFields: {},
    secureJsonData: {},
  });
  const [health, setHealth] = useState<{ ok: boolean; message: string }>();
  const Editor = plugin.components.ConfigEditor!;
  const test = async () => {
    try {
      const { message } = await datasource.testDatasource();
      setHealth({ ok: true, message });
    } catch (err) {
      setHealth({ ok: false, message: err instanceof Error ? err.message : String(err) });
    }
  };
  return (
    <Stack direction="column" gap={2} alignItems="flex-start">
      <div data-testid="editor">
        <Editor options={options} onOptionsChange={setOptions} />
      </div>
      <Button onClick={test}>Save &amp; test</Button>
      {health && <Alert severity={health.ok ? 'success' : 'error'} title={health.message} />}
    </Stack>
  );
}
