import { DataSourcePlugin } from '@grafana/data';

import { ConfigEditor } from './components/ConfigEditor';
import { QueryEditor } from './components/QueryEditor';
import { TrefoilDatasource } from './datasource';
import { TrefoilOptions, TrefoilQuery, TrefoilSecrets } from './types';

export const plugin = new DataSourcePlugin<TrefoilDatasource, TrefoilQuery, TrefoilOptions, TrefoilSecrets>(
  TrefoilDatasource
)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor);
