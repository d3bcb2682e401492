import { QueryEditorProps } from '@grafana/data';
import { Stack, Tab, TabsBar } from '@grafana/ui';
import React from 'react';

import { TrefoilDatasource } from '../datasource';
import { DEFAULT_QUERY, Signal, TrefoilOptions, TrefoilQuery } from '../types';
import { AlertsEditor } from './AlertsEditor';
import { LogsEditor } from './LogsEditor';
import { MetricsEditor } from './MetricsEditor';
import { TracesEditor } from './TracesEditor';

export type EditorProps = QueryEditorProps<TrefoilDatasource, TrefoilQuery, TrefoilOptions>;

const TABS: Array<{ signal: Signal; label: string }> = [
  { signal: 'metrics', label: 'Metrics' },
  { signal: 'logs', label: 'Logs' },
  { signal: 'traces', label: 'Traces' },
  { signal: 'alerts', label: 'Alerts' },
];

/** One tab per signal; each edits its own fields of the query. */
export function QueryEditor(props: EditorProps) {
  const query = { ...DEFAULT_QUERY, ...props.query };
  const signal = query.queryType ?? 'metrics';

  return (
    <Stack direction="column" gap={1}>
      <TabsBar>
        {TABS.map((tab) => (
          <Tab
            key={tab.signal}
            label={tab.label}
            active={tab.signal === signal}
            onChangeTab={() => props.onChange({ ...query, queryType: tab.signal })}
          />
        ))}
      </TabsBar>
      {signal === 'metrics' && <MetricsEditor {...props} query={query} />}
      {signal === 'logs' && <LogsEditor {...props} query={query} />}
      {signal === 'traces' && <TracesEditor {...props} query={query} />}
      {signal === 'alerts' && <AlertsEditor {...props} query={query} />}
    </Stack>
  );
}
