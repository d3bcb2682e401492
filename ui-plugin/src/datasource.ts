import {
  AdHocVariableFilter,
  CoreApp,
  DataFrame,
  DataQueryRequest,
  DataQueryResponse,
  DataSourceGetTagKeysOptions,
  DataSourceGetTagValuesOptions,
  DataSourceInstanceSettings,
  DataSourceWithLogsContextSupport,
  DataSourceWithQueryModificationSupport,
  DataSourceWithSupplementaryQueriesSupport,
  dateTime,
  LiveChannelScope,
  LoadingState,
  LogRowContextOptions,
  LogRowContextQueryDirection,
  LogRowModel,
  MetricFindValue,
  QueryFixAction,
  ScopedVars,
  SupplementaryQueryOptions,
  SupplementaryQueryType,
  TimeRange,
} from '@grafana/data';
import { DataSourceWithBackend, getGrafanaLiveSrv, getTemplateSrv } from '@grafana/runtime';
import { lastValueFrom, map, merge, Observable, of } from 'rxjs';

import { findsLines, linesIn, withMatcher } from './language/logql';
import {
  CodeLanguage,
  DEFAULT_LINE_LIMIT,
  DEFAULT_QUERY,
  Problem,
  TrefoilOptions,
  TrefoilQuery,
  VariableQuery,
} from './types';
import { TrefoilVariables } from './variables';

type Named = 'metrics' | 'logs' | 'traces';

// Half of the time around a log line in which its context is looked for.
const CONTEXT_MS = 2 * 60 * 60 * 1000;

// Lines shown below series that are made of lines.
const SAMPLE_LINES = 100;

// The backend replaces these, since an alert rule is evaluated without a browser.
const BACKEND_MACROS = [
  '__interval',
  '__interval_ms',
  '__rate_interval',
  '__range',
  '__range_s',
  '__range_ms',
] as const;

export class TrefoilDatasource
  extends DataSourceWithBackend<TrefoilQuery, TrefoilOptions>
  implements
    DataSourceWithLogsContextSupport<TrefoilQuery>,
    DataSourceWithSupplementaryQueriesSupport<TrefoilQuery>,
    DataSourceWithQueryModificationSupport<TrefoilQuery>
{
  constructor(settings: DataSourceInstanceSettings<TrefoilOptions>) {
    super(settings);
    this.annotations = {
      getDefaultQuery: () => ({ queryType: 'alerts', alertsMode: 'history' }),
      prepareQuery: ({ target }) => target && { ...target, annotation: true },
    };
    this.variables = new TrefoilVariables(this);
  }

  getDefaultQuery(_: CoreApp): Partial<TrefoilQuery> {
    return DEFAULT_QUERY;
  }

  filterQuery(query: TrefoilQuery): boolean {
    switch (query.queryType) {
      case 'logs':
        return !writesLogQL(query) || Boolean(query.logql?.trim());
      case 'alerts':
        return true;
      case 'traces':
        return traceQueryRuns(query);
      default:
        return Boolean(query.expr?.trim());
    }
  }

  getQueryDisplayText(query: TrefoilQuery): string {
    switch (query.queryType) {
      case 'logs':
        if (writesLogQL(query)) {
          return query.logql ?? '';
        }
        return ['logs', query.service, query.severity, query.text].filter(Boolean).join(' ');
      case 'traces':
        return displayTraces(query);
      case 'alerts':
        return `alerts: ${query.alertsMode ?? 'list'}`;
      default:
        return query.expr ?? '';
    }
  }

  query(request: DataQueryRequest<TrefoilQuery>): Observable<DataQueryResponse> {
    return request.liveStreaming ? this.tail(request) : super.query(request);
  }

  applyTemplateVariables(query: TrefoilQuery, scopedVars: ScopedVars, filters?: AdHocVariableFilter[]): TrefoilQuery {
    const vars = withMacros(scopedVars);
    const templates = getTemplateSrv();
    const plain = (text: string | undefined) => text && templates.replace(text, vars);
    return {
      ...query,
      expr: query.expr && templates.replace(query.expr, vars, asRegex),
      legendFormat: plain(query.legendFormat),
      step: plain(query.step),
      logql: query.logql && templates.replace(query.logql, vars, asRegex),
      service: plain(query.service),
      text: plain(query.text),
      attributes: query.attributes?.map((a) => ({ ...a, key: plain(a.key) ?? '', value: plain(a.value) ?? '' })),
      logTraceId: plain(query.logTraceId),
      logSpanId: plain(query.logSpanId),
      traceId: plain(query.traceId),
      traceql: query.traceql && templates.replace(query.traceql, vars, asRegex),
      search: query.search && {
        ...query.search,
        service: plain(query.search.service),
        operation: plain(query.search.operation),
        minDuration: plain(query.search.minDuration),
        maxDuration: plain(query.search.maxDuration),
        attributes: query.search.attributes?.map((a) => ({
          ...a,
          key: plain(a.key) ?? '',
          value: plain(a.value) ?? '',
        })),
      },
      adhocFilters: filters?.map(({ key, operator, value }) => ({ key, op: operator, value: plain(value) ?? '' })),
    };
  }

  /** The keys a dashboard's ad-hoc filter offers: those of all signals. */
  async getTagKeys(options?: DataSourceGetTagKeysOptions<TrefoilQuery>): Promise<MetricFindValue[]> {
    const lists = await Promise.all(NAMED.map((signal) => this.labelNames(signal, options?.timeRange)));
    const names = [...new Set(lists.flat())].filter((name) => name !== '__name__').sort();
    return names.map((text) => ({ text }));
  }

  async getTagValues({ key, timeRange }: DataSourceGetTagValuesOptions<TrefoilQuery>): Promise<MetricFindValue[]> {
    const lists = await Promise.all(NAMED.map((signal) => this.labelValues(signal, key, timeRange)));
    return [...new Set(lists.flat())].sort().map((text) => ({ text }));
  }

  /** What a variable lists, other variables replaced in it. */
  listVariable(variable: VariableQuery | undefined, range: TimeRange, scoped: ScopedVars): Promise<string[]> {
    const replaced = (text?: string) => text && getTemplateSrv().replace(text, scoped, asRegex);
    const match = replaced(variable?.match);
    const signal = variable?.signal ?? 'metrics';
    switch (variable?.kind) {
      case 'services':
        return this.services(range);
      case 'operations':
        return this.operations(replaced(variable.service), range);
      case 'metrics':
        return this.metricNames(range, match);
      case 'labels':
        return this.labelNames(signal, range, match);
      case 'label-values':
        return variable.label ? this.labelValues(signal, variable.label, range, match) : Promise.resolve([]);
      default:
        return Promise.resolve([]);
    }
  }

  /** The lines of the same service before a line or after it. */
  async getLogRowContext(row: LogRowModel, options?: LogRowContextOptions): Promise<DataQueryResponse> {
    const forward = options?.direction === LogRowContextQueryDirection.Forward;
    const target: TrefoilQuery = {
      refId: `context-${row.dataFrame.refId ?? 'A'}`,
      queryType: 'logs',
      service: serviceOf(row),
      lineLimit: options?.limit ?? 50,
      forward,
    };
    const at = row.timeEpochMs;
    // A line's own millisecond is asked for in both directions; the line itself is left out.
    const from = dateTime(forward ? at : at - CONTEXT_MS);
    const to = dateTime(forward ? at + CONTEXT_MS : at + 1);
    const answer = await lastValueFrom(
      this.query({
        requestId: `trefoil-context-${row.uid}-${forward}`,
        app: CoreApp.Explore,
        targets: [target],
        range: { from, to, raw: { from, to } },
        interval: '1s',
        intervalMs: 1000,
        scopedVars: {},
        timezone: 'browser',
        startTime: Date.now(),
      })
    );
    return { ...answer, data: answer.data.map((frame) => withoutRow(frame, row.rowId ?? row.uid)) };
  }

  showContextToggle(): boolean {
    return true;
  }

  async getLogRowContextQuery(row: LogRowModel): Promise<TrefoilQuery> {
    return { refId: 'A', queryType: 'logs', service: serviceOf(row) };
  }

  /** Metric names seen in the range, of the series that match selects. */
  metricNames(range?: TimeRange, match?: string): Promise<string[]> {
    return this.getResource('metrics', { ...timeParams(range), match });
  }

  /** Names of the services that sent anything in the range. */
  services(range?: TimeRange): Promise<string[]> {
    return this.getResource('services', timeParams(range));
  }

  /** Names of the spans of a service, or of all. */
  operations(service?: string, range?: TimeRange): Promise<string[]> {
    const match = service ? `{ resource.service.name = ${JSON.stringify(service)} }` : undefined;
    return this.labelValues('traces', 'span:name', range, match);
  }

  /** What is wrong with a query as it stands in an editor; where, unless variables were replaced in it. */
  check = async (language: CodeLanguage, text: string): Promise<Problem | undefined> => {
    const query = getTemplateSrv().replace(text, withMacros({}), asRegex);
    const found = await this.postResource<Partial<Problem>>('check', { language, query }, { showErrorAlert: false });
    if (!found.message) {
      return undefined;
    }
    return query === text ? { ...found, message: found.message } : { message: found.message };
  };

  getSupportedSupplementaryQueryTypes(): SupplementaryQueryType[] {
    return [SupplementaryQueryType.LogsVolume, SupplementaryQueryType.LogsSample];
  }

  /** Of lines, how many there are of each level; of series made of lines, some of the lines. */
  getSupplementaryQuery(options: SupplementaryQueryOptions, query: TrefoilQuery): TrefoilQuery | undefined {
    if (query.queryType !== 'logs' || query.hide || !this.filterQuery(query)) {
      return undefined;
    }
    const lines = !writesLogQL(query) || findsLines(query.logql ?? '');
    if (options.type === SupplementaryQueryType.LogsVolume) {
      return lines ? { ...query, refId: `log-volume-${query.refId}`, logVolume: true } : undefined;
    }
    const logql = lines ? undefined : linesIn(query.logql ?? '');
    const lineLimit = options.limit ?? SAMPLE_LINES;
    return logql ? { ...query, refId: `log-sample-${query.refId}`, logsMode: 'code', logql, lineLimit } : undefined;
  }

  getSupplementaryRequest(
    type: SupplementaryQueryType,
    request: DataQueryRequest<TrefoilQuery>,
    options?: SupplementaryQueryOptions
  ): DataQueryRequest<TrefoilQuery> | undefined {
    const targets = request.targets
      .map((query) => this.getSupplementaryQuery(options ?? { type }, query))
      .filter((query) => query !== undefined);
    return targets.length > 0 ? { ...request, targets } : undefined;
  }

  getSupportedQueryModifications(): string[] {
    return ['ADD_FILTER', 'ADD_FILTER_OUT', 'ADD_STRING_FILTER'];
  }

  /** What the buttons beside the labels of a log line do. */
  modifyQuery(query: TrefoilQuery, action: QueryFixAction): TrefoilQuery {
    const { key = '', value = '' } = action.options ?? {};
    const op = action.type === 'ADD_FILTER_OUT' ? '!=' : '=';
    switch (action.type) {
      case 'ADD_FILTER':
      case 'ADD_FILTER_OUT':
        if (writesLogQL(query)) {
          return { ...query, logsMode: 'code', logql: withMatcher(query.logql ?? '', key, op, value) };
        }
        return { ...query, attributes: [...(query.attributes ?? []), { key, op, value }] };
      case 'ADD_STRING_FILTER':
        if (writesLogQL(query)) {
          return { ...query, logsMode: 'code', logql: `${query.logql ?? '{}'} |= ${JSON.stringify(value)}` };
        }
        return { ...query, text: value };
      default:
        return query;
    }
  }

  /** Label names of metrics, attribute keys of logs and traces. */
  labelNames(signal: Named, range?: TimeRange, match?: string): Promise<string[]> {
    return this.getResource('labels', { signal, ...timeParams(range), match });
  }

  labelValues(signal: Named, name: string, range?: TimeRange, match?: string): Promise<string[]> {
    return this.getResource('label-values', { signal, name, ...timeParams(range), match });
  }

  /** Follows the log searches of a request as records arrive; metrics and traces have no live form. */
  private tail(request: DataQueryRequest<TrefoilQuery>): Observable<DataQueryResponse> {
    const searches = request.targets.filter(
      (t) => t.queryType === 'logs' && !t.hide && (!writesLogQL(t) || findsLines(t.logql ?? ''))
    );
    if (searches.length === 0) {
      return of({ data: [], state: LoadingState.Done });
    }
    return merge(
      ...searches.map((target) => {
        const query = this.applyTemplateVariables(target, request.scopedVars);
        const data = {
          ...(writesLogQL(query) && { logsMode: query.logsMode, logql: query.logql }),
          service: query.service,
          severity: query.severity,
          text: query.text,
          attributes: query.attributes,
          logTraceId: query.logTraceId,
          logSpanId: query.logSpanId,
          adhocFilters: query.adhocFilters,
        };
        return getGrafanaLiveSrv()
          .getDataStream({
            key: `trefoil-tail-${request.requestId}-${target.refId}`,
            addr: {
              scope: LiveChannelScope.DataSource,
              stream: this.uid,
              path: `tail/${fingerprint(JSON.stringify(data))}`,
              data,
            },
            buffer: { maxLength: query.lineLimit ?? DEFAULT_LINE_LIMIT },
          })
          .pipe(map((response) => ({ ...response, key: `tail-${target.refId}`, state: LoadingState.Streaming })));
      })
    );
  }
}

const writesLogQL = ({ logsMode }: TrefoilQuery) => logsMode === 'code' || logsMode === 'builder';

// Found by the search form, labels have their own names; by LogQL, the language's.
const serviceOf = ({ labels }: LogRowModel): string | undefined => labels['service.name'] ?? labels.service_name;

/** Variables under which the backend's macros stay as they are. */
function withMacros(scopedVars: ScopedVars): ScopedVars {
  const vars = { ...scopedVars };
  for (const name of BACKEND_MACROS) {
    vars[name] = { text: `$${name}`, value: `$${name}` };
  }
  return vars;
}

function traceQueryRuns(query: TrefoilQuery): boolean {
  switch (query.tracesMode) {
    case 'search':
    case 'graph':
      return true;
    case 'traceql':
      return Boolean(query.traceql?.trim());
    default:
      return Boolean(query.traceId?.trim());
  }
}

function displayTraces(query: TrefoilQuery): string {
  switch (query.tracesMode) {
    case 'graph':
      return 'service graph';
    case 'search':
      return ['traces', query.search?.service, query.search?.operation, query.search?.status].filter(Boolean).join(' ');
    case 'traceql':
      return query.traceql ?? '';
    default:
      return `trace ${query.traceId ?? ''}`;
  }
}

const NAMED: Named[] = ['metrics', 'logs', 'traces'];

/** A frame without the row of one record, by its id. */
function withoutRow(frame: DataFrame, id: string): DataFrame {
  const ids = frame.fields.find((field) => field.name === 'id')?.values ?? [];
  const kept = (_: unknown, i: number) => ids[i] !== id;
  const fields = frame.fields.map((field) => ({
    ...field,
    values: field.values.filter(kept),
    nanos: field.nanos?.filter(kept),
    entities: undefined,
  }));
  return { ...frame, fields, length: fields[0]?.values.length ?? 0 };
}

function timeParams(range?: TimeRange): { start?: number; end?: number } {
  return range ? { start: range.from.valueOf(), end: range.to.valueOf() } : {};
}

/** Writes a variable's value into an expression; several values become one regular expression, for =~. */
export function asRegex(value: string | string[], variable?: { multi?: boolean; includeAll?: boolean }): string {
  if (Array.isArray(value)) {
    const escaped = value.map(escapeRegex);
    return escaped.length === 1 ? escaped[0] : `(${escaped.join('|')})`;
  }
  return variable?.multi || variable?.includeAll ? escapeRegex(value) : value;
}

// Escaped twice: for the regular expression, then for the quoted string of the query it stands in.
const escapeRegex = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replace(/[\\"]/g, '\\$&');

/** FNV-1a, to name a stream: the same query is the same stream. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0') + text.length.toString(16);
}
