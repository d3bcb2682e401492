import { DataSourceInstanceSettings, DataSourcePlugin, PluginMeta } from '@grafana/data';
import * as grafanaData from '@grafana/data';
import * as grafanaRuntime from '@grafana/runtime';
import * as grafanaUI from '@grafana/ui';
import * as emotion from '@emotion/css';
import lodash from 'lodash';
import moment from 'moment';
import React from 'react';
import * as jsxRuntime from 'react/jsx-runtime';
import ReactDOM from 'react-dom';
import * as rxjs from 'rxjs';
import * as rxjsOperators from 'rxjs/operators';

import type { TrefoilDatasource } from '../../src/datasource';
import type { TrefoilOptions, TrefoilQuery, TrefoilSecrets } from '../../src/types';
import { installServices } from './services';

interface Loader {
  set(name: string, module: object): void;
  import(name: string): Promise<{ plugin: Plugin }>;
  addImportMap(map: { imports: Record<string, string> }): void;
}
declare const System: Loader;

type Plugin = DataSourcePlugin<TrefoilDatasource, TrefoilQuery, TrefoilOptions, TrefoilSecrets>;

// What webpack leaves out of module.js, since Grafana has it already.
const SHARED: Record<string, object> = {
  '@emotion/css': emotion,
  '@grafana/data': grafanaData,
  '@grafana/runtime': grafanaRuntime,
  '@grafana/ui': grafanaUI,
  lodash,
  moment,
  react: React,
  'react-dom': ReactDOM,
  'react/jsx-runtime': jsxRuntime,
  rxjs,
  'rxjs/operators': rxjsOperators,
};

const BASE = '/public/plugins/trefoil-datasource';

export interface Loaded {
  plugin: Plugin;
  datasource: TrefoilDatasource;
  settings: DataSourceInstanceSettings<TrefoilOptions>;
}

/** Loads the built module.js as Grafana does and makes the data source. */
export async function load(): Promise<Loaded> {
  const imports: Record<string, string> = { module: 'preview:module' };
  System.set('preview:module', { default: { uri: `${BASE}/module.js` }, uri: `${BASE}/module.js` });
  for (const [name, module] of Object.entries(SHARED)) {
    imports[name] = `preview:${name}`;
    System.set(`preview:${name}`, { ...module, default: 'default' in module ? module.default : module });
  }
  System.addImportMap({ imports });
  const meta = (await (await fetch(`${BASE}/plugin.json`)).json()) as PluginMeta;
  const settings: DataSourceInstanceSettings<TrefoilOptions> = {
    id: 1,
    uid: 'trefoil',
    type: 'trefoil-datasource',
    name: 'Trefoil',
    access: 'proxy',
    readOnly: true,
    jsonData: {},
    meta: { ...meta, module: `${BASE}/module.js`, baseUrl: BASE },
  };
  let datasource: TrefoilDatasource | undefined;
  installServices(
    () => settings,
    () => datasource
  );
  const { plugin } = await System.import(`${BASE}/module.js`);
  datasource = new plugin.DataSourceClass(settings);
  datasource.meta = settings.meta;
  return { plugin, datasource, settings };
}
