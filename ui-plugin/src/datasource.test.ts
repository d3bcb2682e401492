import {
  createDataFrame,
  CoreApp,
  DataQueryRequest,
  FieldType,
  hasSupplementaryQuerySupport,
  LiveChannelScope,
  LoadingState,
  LogRowContextQueryDirection,
  LogRowModel,
  ScopedVars,
  SupplementaryQueryType,
} from '@grafana/data';
import { DataSourceWithBackend } from '@grafana/runtime';
import { lastValueFrom, Observable, of, toArray } from 'rxjs';

import { asRegex } from './datasource';
import { datasourceWith, range } from './testing/fixtures';
import { TrefoilQuery } from './types';

const getDataStream = jest.fn();

// Replaces $name and ${name} as Grafana's template service does: scoped variables first, then the dashboard's.
const dashboard: Record<string, { value: string | string[]; multi?: boolean }> = {
  service: { value: 'cart' },
  jobs: { value: ['a.b', 'c'], multi: true },
};

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getGrafanaLiveSrv: () => ({ getDataStream }),
  getTemplateSrv: () => ({
    replace: (text: string, scoped: ScopedVars, format?: (value: string | string[], variable: object) => string) =>
      text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (match, braced, bare) => {
        const name = braced ?? bare;
        const value = scoped[name]?.value ?? dashboard[name]?.value;
        if (value === undefined) {
          return match;
        }
        return format && !scoped[name] ? format(value, dashboard[name]) : String(value);
      }),
  }),
}));

const datasource = datasourceWith(() => []);
const query = (part: Partial<TrefoilQuery>): TrefoilQuery => ({ refId: 'A', ...part });

const request = (part: Partial<DataQueryRequest<TrefoilQuery>>) =>
  ({
    requestId: 'Q1',
    range,
    scopedVars: {},
    targets: [],
    app: CoreApp.Explore,
    ...part,
  }) as DataQueryRequest<TrefoilQuery>;

describe('filterQuery', () => {
  it.each([
    [query({ queryType: 'metrics', expr: 'up' }), true],
    [query({ queryType: 'metrics', expr: '  ' }), false],
    [query({ expr: 'up' }), true],
    [query({}), false],
    [query({ queryType: 'logs' }), true],
    [query({ queryType: 'logs', logsMode: 'code' }), false],
    [query({ queryType: 'logs', logsMode: 'builder', logql: '{}' }), true],
    [query({ queryType: 'traces', traceId: 'ab' }), true],
    [query({ queryType: 'traces', expr: 'up' }), false],
    [query({ queryType: 'alerts' }), true],
    [query({ queryType: 'traces', tracesMode: 'search' }), true],
    [query({ queryType: 'traces', tracesMode: 'graph' }), true],
    [query({ queryType: 'traces', tracesMode: 'traceql', traceId: 'ab' }), false],
    [query({ queryType: 'traces', tracesMode: 'traceql', traceql: '{}' }), true],
  ])('%j: %s', (q, runs) => {
    expect(datasource.filterQuery(q)).toBe(runs);
  });
});

describe('applyTemplateVariables', () => {
  it('replaces variables in the fields of every signal', () => {
    const applied = datasource.applyTemplateVariables(
      query({
        expr: 'up{job=~"$jobs"}',
        service: '$service',
        text: 'in ${service}',
        logql: '{a=~"$jobs"} [$__interval]',
        legendFormat: '$service {{job}}',
        step: '$step',
        traceId: '$trace',
        attributes: [{ key: 'k', op: '!=', value: '$service' }],
      }),
      { trace: { text: 'ab', value: 'ab' }, step: { text: '1m', value: '1m' } }
    );
    expect(applied).toMatchObject({
      refId: 'A',
      expr: 'up{job=~"(a\\\\.b|c)"}',
      service: 'cart',
      text: 'in cart',
      logql: '{a=~"(a\\\\.b|c)"} [$__interval]',
      legendFormat: 'cart {{job}}',
      step: '1m',
      traceId: 'ab',
      attributes: [{ key: 'k', op: '!=', value: 'cart' }],
    });
  });

  it('leaves the time macros to the backend, whatever the panel says', () => {
    const expr = 'rate(x[$__rate_interval]) + $__interval_ms + ${__range_s}';
    const scoped = { __interval: { text: '1s', value: '1s' }, __interval_ms: { text: '1000', value: 1000 } };
    expect(datasource.applyTemplateVariables(query({ expr }), scoped).expr).toBe(
      'rate(x[$__rate_interval]) + $__interval_ms + $__range_s'
    );
  });
});

describe('asRegex', () => {
  it.each([
    ['up', undefined, 'up'],
    ['a.b', undefined, 'a.b'],
    ['a.b', { multi: true }, 'a\\\\.b'],
    [['a.b'], { multi: true }, 'a\\\\.b'],
    [['a', 'b"c'], { multi: true }, '(a|b\\"c)'],
    [['\\'], { multi: true }, '\\\\\\\\'],
  ])('%j as %j is %s', (value, variable, want) => {
    expect(asRegex(value, variable)).toBe(want);
  });
});

describe('query', () => {
  it('goes to the backend', () => {
    const backend = jest.spyOn(DataSourceWithBackend.prototype, 'query').mockReturnValue(of({ data: ['answer'] }));
    const seen: unknown[] = [];
    const asked = request({ targets: [query({ expr: 'up' })] });
    datasource.query(asked).subscribe((r) => seen.push(r));
    expect(backend).toHaveBeenCalledWith(asked);
    expect(seen).toEqual([{ data: ['answer'] }]);
    backend.mockRestore();
  });

  it('tails log searches live, each as its own stream', async () => {
    getDataStream.mockImplementation(() => of({ data: ['line'] }));
    const logs = query({ queryType: 'logs', service: '$service', lineLimit: 50 });
    const responses = await lastValueFrom(
      datasource
        .query(
          request({
            liveStreaming: true,
            targets: [
              logs,
              query({ refId: 'B', expr: 'up' }),
              { ...logs, refId: 'C', hide: true },
              { ...logs, refId: 'D', text: 'x' },
            ],
          })
        )
        .pipe(toArray())
    );
    expect(responses).toEqual([
      { data: ['line'], key: 'tail-A', state: LoadingState.Streaming },
      { data: ['line'], key: 'tail-D', state: LoadingState.Streaming },
    ]);
    const [first, second] = getDataStream.mock.calls.map(([options]) => options);
    expect(first).toMatchObject({
      buffer: { maxLength: 50 },
      addr: { scope: LiveChannelScope.DataSource, stream: 'trefoil-uid', data: { service: 'cart' } },
    });
    expect(first.addr.path).toMatch(/^tail\/[0-9a-f]+$/);
    expect(second.addr.path).not.toBe(first.addr.path);
  });

  it('tails LogQL that finds lines, not such that makes series', async () => {
    getDataStream.mockClear();
    const logs = query({ queryType: 'logs', logsMode: 'code', logql: '{} |= "x"' });
    const targets = [logs, { ...logs, refId: 'B', logql: 'rate({}[1m])' }];
    await lastValueFrom(datasource.query(request({ liveStreaming: true, targets })).pipe(toArray()));
    expect(getDataStream).toHaveBeenCalledTimes(1);
    expect(getDataStream.mock.lastCall[0].addr.data).toMatchObject({ logsMode: 'code', logql: '{} |= "x"' });
  });

  it('has nothing to tail without a log search', async () => {
    const response = await lastValueFrom(
      datasource.query(request({ liveStreaming: true, targets: [query({ expr: 'up' })] }))
    );
    expect(response).toEqual({ data: [], state: LoadingState.Done });
  });
});

describe('names for the editor', () => {
  it('are asked for within the time range', async () => {
    const asked = datasourceWith((path) => [path]);
    const times = { start: 1772362800000, end: 1772366400000 };
    await expect(asked.metricNames(range)).resolves.toEqual(['metrics']);
    await asked.labelValues('logs', 'http.route', range);
    await asked.labelNames('traces');
    expect(asked.getResource).toHaveBeenCalledWith('metrics', times);
    expect(asked.getResource).toHaveBeenCalledWith('label-values', { signal: 'logs', name: 'http.route', ...times });
    expect(asked.getResource).toHaveBeenCalledWith('labels', { signal: 'traces' });
  });
});

it('shows what a collapsed query asks', () => {
  expect(datasource.getQueryDisplayText(query({ expr: 'up' }))).toBe('up');
  expect(datasource.getQueryDisplayText(query({ queryType: 'traces', traceId: 'ab' }))).toBe('trace ab');
  expect(datasource.getQueryDisplayText(query({ queryType: 'logs', service: 'cart', text: 'x' }))).toBe('logs cart x');
});

it('starts on metrics and supports annotations', () => {
  expect(datasource.getDefaultQuery(CoreApp.Explore)).toMatchObject({ queryType: 'metrics', language: 'promql' });
  const { annotations } = datasource;
  expect(annotations?.getDefaultQuery?.()).toEqual({ queryType: 'alerts', alertsMode: 'history' });
  const annotation = { name: 'a', enable: true, iconColor: 'red', target: query({ queryType: 'logs' }) };
  expect(annotations?.prepareQuery?.(annotation)).toEqual({ refId: 'A', queryType: 'logs', annotation: true });
  expect(annotations?.prepareQuery?.({ ...annotation, target: undefined })).toBeUndefined();
});

it('hands ad-hoc filters to the backend', () => {
  const filters = [{ key: 'service.name', operator: '=~', value: '$service' }];
  expect(datasource.applyTemplateVariables(query({ expr: 'up' }), {}, filters).adhocFilters).toEqual([
    { key: 'service.name', op: '=~', value: 'cart' },
  ]);
});

describe('supplementary queries', () => {
  const volume = { type: SupplementaryQueryType.LogsVolume } as const;
  const sample = { type: SupplementaryQueryType.LogsSample, limit: 20 } as const;
  const lines = query({ queryType: 'logs', logsMode: 'code', logql: '{a="b"} | json' });
  const series = query({ queryType: 'logs', logsMode: 'code', logql: 'sum(rate({a="b"} | json [1m]))' });

  it('are offered for both kinds', () => {
    for (const type of [SupplementaryQueryType.LogsVolume, SupplementaryQueryType.LogsSample]) {
      expect(hasSupplementaryQuerySupport(datasource as never, type)).toBe(true);
    }
  });

  it('count lines, and show lines of series', () => {
    expect(datasource.getSupplementaryQuery(volume, lines)).toEqual({
      ...lines,
      refId: 'log-volume-A',
      logVolume: true,
    });
    expect(datasource.getSupplementaryQuery(volume, query({ queryType: 'logs' }))).toMatchObject({ logVolume: true });
    expect(datasource.getSupplementaryQuery(volume, series)).toBeUndefined();
    expect(datasource.getSupplementaryQuery(sample, series)).toMatchObject({
      refId: 'log-sample-A',
      logql: '{a="b"} | json',
      lineLimit: 20,
    });
    for (const none of [lines, query({ expr: 'up' }), { ...series, hide: true }]) {
      expect(datasource.getSupplementaryQuery(sample, none)).toBeUndefined();
    }
  });

  it('are requests of the targets they fit', () => {
    const targets = [lines, { ...series, refId: 'B' }, query({ refId: 'C', expr: 'up' })];
    const refIds = (type: SupplementaryQueryType) =>
      datasource.getSupplementaryRequest(type, request({ targets }))?.targets.map((t) => t.refId);
    expect(refIds(SupplementaryQueryType.LogsVolume)).toEqual(['log-volume-A']);
    expect(refIds(SupplementaryQueryType.LogsSample)).toEqual(['log-sample-B']);
    expect(
      datasource.getSupplementaryRequest(SupplementaryQueryType.LogsSample, request({ targets: [lines] }))
    ).toBeUndefined();
  });
});

describe('modifyQuery', () => {
  const options = { key: 'http.route', value: '/a' };
  const form = query({ queryType: 'logs' });
  const code = query({ queryType: 'logs', logsMode: 'code', logql: '{a="b"}' });
  it.each([
    [form, 'ADD_FILTER', { attributes: [{ key: 'http.route', op: '=', value: '/a' }] }],
    [form, 'ADD_STRING_FILTER', { text: '/a' }],
    [code, 'ADD_FILTER', { logql: '{a="b", http_route="/a"}' }],
    [code, 'ADD_FILTER_OUT', { logql: '{a="b", http_route!="/a"}' }],
    [code, 'ADD_STRING_FILTER', { logql: '{a="b"} |= "/a"' }],
    [code, 'ELSE', code],
  ])('%j %s: %j', (before, type, after) => {
    expect(datasource.modifyQuery(before, { type, options })).toMatchObject(after);
  });
});

describe('check', () => {
  const asked = datasourceWith((_, body) =>
    String(body?.query).includes('cart') ? { message: 'wrong', line: 1, column: 2 } : { kind: 'vector' }
  );
  it('tells a mistake, and its place only where nothing was replaced', async () => {
    await expect(asked.check('promql', 'up')).resolves.toBeUndefined();
    await expect(asked.check('logql', '{cart')).resolves.toEqual({ message: 'wrong', line: 1, column: 2 });
    await expect(asked.check('logql', '{$service')).resolves.toEqual({ message: 'wrong' });
    await asked.check('logql', 'rate({}[$__interval])');
    expect(asked.postResource).toHaveBeenLastCalledWith(
      'check',
      { language: 'logql', query: 'rate({}[$__interval])' },
      { showErrorAlert: false }
    );
  });
});

describe('ad-hoc filters', () => {
  const asked = datasourceWith((path, params) =>
    path === 'labels'
      ? params?.signal === 'metrics'
        ? ['__name__', 'job', 'zone']
        : ['user.id', 'zone']
      : [`${params?.signal} of ${params?.name}`]
  );
  it('offer the keys of all signals, each once', async () => {
    await expect(asked.getTagKeys()).resolves.toEqual([{ text: 'job' }, { text: 'user.id' }, { text: 'zone' }]);
  });
  it('offer the values of a key', async () => {
    await expect(asked.getTagValues({ key: 'zone', filters: [] })).resolves.toEqual([
      { text: 'logs of zone' },
      { text: 'metrics of zone' },
      { text: 'traces of zone' },
    ]);
  });
});

describe('variables', () => {
  const asked = datasourceWith((path, params) => [path, String(params?.signal), String(params?.match)]);
  it.each([
    [{ kind: 'services' as const }, ['services', 'undefined', 'undefined']],
    [{ kind: 'metrics' as const, match: '{job="$service"}' }, ['metrics', 'undefined', '{job="cart"}']],
    [{ kind: 'labels' as const, signal: 'logs' as const }, ['labels', 'logs', 'undefined']],
    [{ kind: 'label-values' as const, label: 'k' }, ['label-values', 'metrics', 'undefined']],
    [{ kind: 'label-values' as const }, []],
    [
      { kind: 'operations' as const, service: '$service' },
      ['label-values', 'traces', '{ resource.service.name = "cart" }'],
    ],
    [{ kind: 'operations' as const }, ['label-values', 'traces', 'undefined']],
    [
      { kind: 'label-values' as const, signal: 'logs' as const, label: 'k', match: '{a="$service"}' },
      ['label-values', 'logs', '{a="cart"}'],
    ],
    [undefined, []],
  ])('%j', async (variable, want) => {
    await expect(asked.listVariable(variable, range, {})).resolves.toEqual(want);
  });
  it('are values with their text', async () => {
    const support = asked.variables as unknown as {
      query: (r: DataQueryRequest<TrefoilQuery>) => Observable<unknown>;
    };
    const found = await lastValueFrom(
      support.query(request({ targets: [query({ variable: { kind: 'label-values', label: 'k' } })] }))
    );
    expect(found).toEqual({
      data: ['label-values', 'metrics', 'undefined'].map((text) => ({ text, value: text })),
    });
  });
});

describe('log context', () => {
  const frame = createDataFrame({
    refId: 'A',
    fields: [
      { name: 'id', type: FieldType.string, values: ['1', '2'] },
      { name: 'body', type: FieldType.string, values: ['this line', 'its neighbour'] },
    ],
  });
  const row = {
    dataFrame: frame,
    uid: 'A_1',
    rowId: '1',
    timeEpochMs: 1772362800000,
    labels: { 'service.name': 'cart' },
  } as unknown as LogRowModel;

  it.each([
    [LogRowContextQueryDirection.Backward, false, 1772362800001],
    [LogRowContextQueryDirection.Forward, true, 1772370000000],
  ])('%s: lines of the same service, without the line itself', async (direction, forward, to) => {
    const backend = jest.spyOn(DataSourceWithBackend.prototype, 'query').mockReturnValue(of({ data: [frame] }));
    const answer = await datasource.getLogRowContext(row, { direction, limit: 7 });
    expect(answer.data[0].fields[1].values).toEqual(['its neighbour']);
    const asked = backend.mock.calls[0][0];
    expect(asked.targets[0]).toMatchObject({ queryType: 'logs', service: 'cart', lineLimit: 7, forward });
    expect(asked.range.to.valueOf()).toBe(to);
    backend.mockRestore();
  });
});
