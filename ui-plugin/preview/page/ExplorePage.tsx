import { CoreApp, DataFrame, LoadingState, TimeRange } from '@grafana/data';
import { Alert, Button, Field, RadioButtonGroup, Stack, Text } from '@grafana/ui';
import React, { useCallback, useEffect, useMemo, useRef, useState } from 'react';

import type { TrefoilQuery } from '../../src/types';
import { Frames } from './Frames';
import { Loaded } from './plugin';
import { lastMinutes, requestOf, useQuery } from './run';

const RANGES = [5, 15, 60, 360].map((value) => ({ value, label: value < 60 ? `${value} min` : `${value / 60} h` }));

/** The query a link of the form /explore?left={…} carries. */
function queryOf(search: string): TrefoilQuery | undefined {
  const left = new URLSearchParams(search).get('left');
  try {
    const query = left ? JSON.parse(left)?.queries?.[0] : undefined;
    return query && { refId: 'A', ...query };
  } catch {
    return undefined;
  }
}

/** The query editor with its results below, as in Grafana's Explore. */
export function ExplorePage({ plugin, datasource }: Loaded) {
  const [query, setQuery] = useState<TrefoilQuery>(
    () => queryOf(window.location.search) ?? { refId: 'A', ...datasource.getDefaultQuery?.(CoreApp.Explore) }
  );
  const [minutes, setMinutes] = useState(15);
  const [range, setRange] = useState<TimeRange>(() => lastMinutes(15));
  const [live, setLive] = useState(false);
  const { response, run, stop } = useQuery(datasource);
  const Editor = plugin.components.QueryEditor!;

  const runWith = useCallback(
    (current: TrefoilQuery, span: number, streaming = false) => {
      const now = lastMinutes(span);
      setRange(now);
      setLive(streaming);
      if (datasource.filterQuery?.(current) ?? true) {
        run(requestOf([current], now, CoreApp.Explore, streaming));
      }
    },
    [datasource, run]
  );
  // A link followed is a query run.
  useEffect(() => {
    const open = (event: MouseEvent) => {
      const link = (event.target as Element).closest?.('a[href^="/explore?left="]');
      const linked = link && queryOf(new URL((link as HTMLAnchorElement).href).search);
      if (linked) {
        event.preventDefault();
        window.history.pushState(null, '', (link as HTMLAnchorElement).href);
        setQuery(linked);
        runWith(linked, minutes);
      }
    };
    document.addEventListener('click', open, true);
    return () => document.removeEventListener('click', open, true);
  }, [runWith, minutes]);
  useEffect(() => {
    if (queryOf(window.location.search)) {
      runWith(query, minutes);
    }
    // Only the address the page was opened with.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  const latest = useRef(query);
  useEffect(() => {
    latest.current = query;
  }, [query]);
  const onRunQuery = useCallback(() => setTimeout(() => runWith(latest.current, minutes)), [runWith, minutes]);
  const frames = response.data as DataFrame[];
  const notices = useMemo(() => frames.flatMap((f) => f.meta?.notices ?? []), [frames]);

  return (
    <Stack direction="column" gap={2}>
      <div data-testid="editor">
        <Editor
          datasource={datasource}
          query={query}
          range={range}
          data={{
            state: response.state ?? LoadingState.Done,
            series: frames,
            timeRange: range,
            errors: response.errors,
          }}
          app={CoreApp.Explore}
          onChange={setQuery}
          onRunQuery={onRunQuery}
        />
      </div>
      <Stack direction="row" gap={2} alignItems="flex-end">
        <Field noMargin label="Time range">
          <RadioButtonGroup
            aria-label="Time range"
            options={RANGES}
            value={minutes}
            onChange={(value) => {
              setMinutes(value);
              runWith(query, value);
            }}
          />
        </Field>
        <Button icon="play" onClick={() => runWith(query, minutes)}>
          Run query
        </Button>
        <Button
          icon={live ? 'pause' : 'play'}
          variant="secondary"
          disabled={query.queryType !== 'logs'}
          onClick={() => (live ? (stop(), setLive(false)) : runWith(query, minutes, true))}
        >
          {live ? 'Stop live' : 'Live'}
        </Button>
        <Text color="secondary">
          <span data-testid="state">{response.state}</span>
          {response.took !== undefined && `, ${response.took} ms`}
        </Text>
      </Stack>
      {response.errors?.map((error, i) => (
        <Alert key={i} severity="error" title={error.message ?? 'The query failed'} />
      ))}
      {notices.map((notice, i) => (
        <Alert key={i} severity={notice.severity === 'error' ? 'error' : notice.severity} title={notice.text} />
      ))}
      <div data-testid="results">
        <Frames frames={frames} range={range} width={1240} />
      </div>
      {frames[0]?.meta?.executedQueryString && (
        <Text color="secondary" variant="bodySmall">
          Executed: {frames[0].meta.executedQueryString}
        </Text>
      )}
    </Stack>
  );
}
