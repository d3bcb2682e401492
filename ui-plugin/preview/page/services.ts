import {
  DataFrame,
  dataFrameFromJSON,
  DataFrameJSON,
  DataQueryResponse,
  DataSourceInstanceSettings,
  Field,
  formattedValueToString,
  ScopedVars,
  TimeRange,
  TypedVariableModel,
} from '@grafana/data';
import {
  BackendSrv,
  BackendSrvRequest,
  DataSourceSrv,
  FetchResponse,
  GrafanaLiveSrv,
  LiveDataStreamOptions,
  setBackendSrv,
  setDataSourceSrv,
  setGrafanaLiveSrv,
  setTemplateSrv,
  TemplateSrv,
} from '@grafana/runtime';
import { from, lastValueFrom, map, Observable } from 'rxjs';

// What a data source's front end asks of Grafana, answered by the preview's host.

/** Values of a dashboard's variables by name. */
export type Variables = Record<string, string | string[]>;

let variables: Variables = {};
export function setVariables(values: Variables) {
  variables = values;
}

export function installServices(settings: () => DataSourceInstanceSettings, instance: () => unknown) {
  setBackendSrv(backend as unknown as BackendSrv);
  setTemplateSrv(templates);
  setGrafanaLiveSrv({ getDataStream } as unknown as GrafanaLiveSrv);
  setDataSourceSrv({
    get: () => Promise.resolve(instance()),
    getInstanceSettings: settings,
    getList: () => [settings()],
    reload: () => {},
    registerRuntimeDataSource: () => {},
  } as unknown as DataSourceSrv);
}

async function call<T>(request: BackendSrvRequest): Promise<FetchResponse<T>> {
  const url = new URL(request.url, window.location.origin);
  for (const [name, value] of Object.entries(request.params ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) {
        url.searchParams.append(name, String(one));
      }
    }
  }
  const response = await fetch(url, {
    method: request.method ?? 'GET',
    headers: { 'Content-Type': 'application/json' },
    body: request.data === undefined ? undefined : JSON.stringify(request.data),
    signal: request.abortSignal,
  });
  const text = await response.text();
  let data: unknown = text;
  try {
    data = JSON.parse(text);
  } catch {} // an error page
  const { status, statusText, ok, headers, redirected, type } = response;
  const answer = { status, statusText, ok, headers, redirected, type, url: url.href, config: request, data: data as T };
  if (!ok) {
    throw answer;
  }
  return answer;
}

const backend = {
  fetch: <T>(request: BackendSrvRequest): Observable<FetchResponse<T>> => from(call<T>(request)),
  get: <T>(url: string, params?: Record<string, unknown>) =>
    lastValueFrom(from(call<T>({ url, params })).pipe(map((r) => r.data))),
  post: <T>(url: string, data?: unknown) =>
    lastValueFrom(from(call<T>({ url, data, method: 'POST' })).pipe(map((r) => r.data))),
};

const PATTERN = /\$(\w+)|\$\{([\w.]+|__data\.fields\[[^\]]+\])(?::(\w+))?\}|\[\[(\w+)\]\]/g;

/** Replaces variables as Grafana does, as far as data links, dashboards and the data source need it. */
export const templates: TemplateSrv = {
  getVariables: () => Object.keys(variables).map((name) => ({ name })) as unknown as TypedVariableModel[],
  containsTemplate: (text) => Boolean(text && new RegExp(PATTERN).test(text)),
  updateTimeRange: (_: TimeRange) => {},
  replace: (text, scoped, format) =>
    (text ?? '').replace(PATTERN, (all, plain, braced, _format, old) => {
      const name: string = plain ?? braced ?? old;
      const value = inContext(name, scoped) ?? scoped?.[name]?.value ?? variables[name];
      if (value === undefined) {
        return all;
      }
      if (typeof format === 'function') {
        return format(value, { name, multi: Array.isArray(value) });
      }
      return Array.isArray(value) ? value.join(',') : String(value);
    }),
};

interface DataContext {
  frame: DataFrame;
  field: Field;
  rowIndex?: number;
}

/** The value a data link's ${__value…} or ${__data…} stands for. */
function inContext(name: string, scoped?: ScopedVars): unknown {
  const context = scoped?.__dataContext?.value as DataContext | undefined;
  if (!context || context.rowIndex === undefined) {
    return undefined;
  }
  const { frame, field, rowIndex } = context;
  if (name === '__value.raw' || name === '__value.time') {
    return field.values[rowIndex] ?? '';
  }
  if (name === '__value.text') {
    return field.display ? formattedValueToString(field.display(field.values[rowIndex])) : field.values[rowIndex];
  }
  const wanted = /^__data\.fields(?:\.(\w+)|\[["']?([^"'\]]+)["']?\])$/.exec(name);
  const found = wanted && frame.fields.find((f) => f.name === (wanted[1] ?? wanted[2]));
  return found ? (found.values[rowIndex] ?? '') : undefined;
}

/** Follows a stream; what has come so far is one frame, the newest rows kept. */
function getDataStream({ addr, key, buffer }: LiveDataStreamOptions): Observable<DataQueryResponse> {
  return new Observable((subscriber) => {
    const params = new URLSearchParams({ path: addr.path, data: JSON.stringify(addr.data ?? {}) });
    const source = new EventSource(`/api/live/run?${params}`);
    let kept: DataFrame | undefined;
    source.onmessage = (event) => {
      const next = dataFrameFromJSON(JSON.parse(event.data) as DataFrameJSON);
      kept = kept ? join(kept, next, buffer?.maxLength ?? 1000) : next;
      subscriber.next({ data: [kept], key });
    };
    source.addEventListener('failed', (event) => {
      source.close();
      subscriber.error(new Error((event as MessageEvent<string>).data));
    });
    return () => source.close();
  });
}

function join(a: DataFrame, b: DataFrame, most: number): DataFrame {
  const fields = b.fields.map((field, i) => ({
    ...field,
    values: [...a.fields[i].values, ...field.values].slice(-most),
  }));
  return { ...b, fields, length: fields[0]?.values.length ?? 0 };
}
