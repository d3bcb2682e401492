import {
  createDataFrame,
  CoreApp,
  DataQueryRequest,
  FieldType,
  LiveChannelScope,
  LoadingState,
  LogRowContextQueryDirection,
  LogRowModel,
  ScopedVars,
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
  expect(datasource.annotations).toBeDefined();
});

it('hands ad-hoc filters to the backend', () => {
  const filters = [{ key: 'service.name', operator: '=~', value: '$service' }];
  expect(datasource.applyTemplateVariables(query({ expr: 'up' }), {}, filters).adhocFilters).toEqual([
    { key: 'service.name', op: '=~', value: 'cart' },
  ]);
});

describe('ad-hoc filters', () => {
  const asked = datasourceWith((path, params) =>
    path === 'labels'
      ? params?.signal === 'metrics'
        ? ['__name__', 'job', 'zone']
        : ['user.id', 'zone']
      : [`${params?.signal} of ${params?.name}`]
  );
  it('offer the keys of metrics and logs, each once', async () => {
    await expect(asked.getTagKeys()).resolves.toEqual([{ text: 'job' }, { text: 'user.id' }, { text: 'zone' }]);
  });
  it('offer the values of a key', async () => {
    await expect(asked.getTagValues({ key: 'zone', filters: [] })).resolves.toEqual([
      { text: 'logs of zone' },
      { text: 'metrics of zone' },
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
