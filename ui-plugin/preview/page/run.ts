import { CoreApp, DataQueryRequest, DataQueryResponse, dateTime, LoadingState, TimeRange } from '@grafana/data';
import { useCallback, useEffect, useRef, useState } from 'react';
import { Subscription } from 'rxjs';

import type { TrefoilDatasource } from '../../src/datasource';
import type { TrefoilQuery } from '../../src/types';

let requests = 0;

export function lastMinutes(minutes: number): TimeRange {
  const to = dateTime();
  return { from: dateTime(to).subtract(minutes, 'minutes'), to, raw: { from: `now-${minutes}m`, to: 'now' } };
}

export function requestOf(
  targets: TrefoilQuery[],
  range: TimeRange,
  app: CoreApp,
  liveStreaming = false
): DataQueryRequest<TrefoilQuery> {
  const intervalMs = Math.max(1000, Math.ceil((range.to.valueOf() - range.from.valueOf()) / 1000 / 1000) * 1000);
  return {
    requestId: `preview-${requests++}`,
    app,
    targets,
    range,
    rangeRaw: range.raw,
    interval: `${intervalMs / 1000}s`,
    intervalMs,
    maxDataPoints: 1000,
    scopedVars: {
      __interval: { text: '', value: `${intervalMs / 1000}s` },
      __interval_ms: { text: '', value: intervalMs },
    },
    timezone: 'browser',
    startTime: Date.now(),
    liveStreaming,
  };
}

/** The answer to the last request that was run; a new one ends the one before. */
export function useQuery(datasource: TrefoilDatasource) {
  const [response, setResponse] = useState<DataQueryResponse & { took?: number }>({
    data: [],
    state: LoadingState.NotStarted,
  });
  const running = useRef<Subscription>(undefined);
  const run = useCallback(
    (request: DataQueryRequest<TrefoilQuery>) => {
      running.current?.unsubscribe();
      setResponse((last) => ({ ...last, errors: undefined, error: undefined, state: LoadingState.Loading }));
      running.current = datasource.query(request).subscribe({
        next: (answer) => setResponse({ state: LoadingState.Done, ...answer, took: Date.now() - request.startTime }),
        error: (error) =>
          setResponse({
            data: [],
            state: LoadingState.Error,
            errors: [{ message: error?.data?.message ?? String(error?.message ?? error) }],
          }),
      });
    },
    [datasource]
  );
  const stop = useCallback(() => running.current?.unsubscribe(), []);
  useEffect(() => stop, [stop]);
  return { response, run, stop };
}
