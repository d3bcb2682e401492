import { dateTime, QueryEditorProps, TimeRange } from '@grafana/data';
import React, { useState } from 'react';

import { TrefoilDatasource } from '../datasource';
import { TrefoilOptions, TrefoilQuery } from '../types';

type EditorProps = QueryEditorProps<TrefoilDatasource, TrefoilQuery, TrefoilOptions>;

export const range: TimeRange = {
  from: dateTime(1772362800000),
  to: dateTime(1772366400000),
  raw: { from: 'now-1h', to: 'now' },
};

export const settings = {
  id: 1,
  uid: 'trefoil-uid',
  type: 'trefoil-datasource',
  name: 'Trefoil',
  access: 'proxy',
  readOnly: false,
  jsonData: {},
  meta: { id: 'trefoil-datasource', module: '', baseUrl: '', name: 'Trefoil', type: 'datasource', info: {} },
} as unknown as ConstructorParameters<typeof TrefoilDatasource>[0];

/** A data source whose resource calls are answered by get; everything else is its own. */
export function datasourceWith(get: (path: string, params?: Record<string, unknown>) => unknown): TrefoilDatasource {
  const datasource = new TrefoilDatasource(settings);
  datasource.getResource = jest.fn((path, params) =>
    Promise.resolve(get(path, params))
  ) as typeof datasource.getResource;
  datasource.postResource = jest.fn((path, data) => Promise.resolve(get(path, data))) as typeof datasource.postResource;
  return datasource;
}

interface StatefulProps {
  editor: React.ComponentType<EditorProps>;
  query?: Partial<TrefoilQuery>;
  datasource: TrefoilDatasource;
  onChange: (query: TrefoilQuery) => void;
  onRunQuery: () => void;
}

/** Keeps an editor's query as Grafana does: what it reports is what it is shown next. */
export function Stateful({ editor: Editor, query, datasource, onChange, onRunQuery }: StatefulProps) {
  const [current, setCurrent] = useState<TrefoilQuery>({ refId: 'A', ...query });
  return (
    <Editor
      datasource={datasource}
      query={current}
      range={range}
      onChange={(next) => {
        setCurrent(next);
        onChange(next);
      }}
      onRunQuery={onRunQuery}
    />
  );
}
