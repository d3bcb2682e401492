import {
  CoreApp,
  DataQueryRequest,
  DataQueryResponse,
  DataSourceInstanceSettings,
  LiveChannelScope,
  LoadingState,
  ScopedVars,
  TimeRange,
} from '@grafana/data';
import { DataSourceWithBackend, getGrafanaLiveSrv, getTemplateSrv } from '@grafana/runtime';
import { map, merge, Observable, of } from 'rxjs';

import { DEFAULT_LINE_LIMIT, DEFAULT_QUERY, Signal, TrefoilOptions, TrefoilQuery } from './types';

// The backend replaces these, since an alert rule is evaluated without a browser.
const BACKEND_MACROS = [
  '__interval',
  '__interval_ms',
  '__rate_interval',
  '__range',
  '__range_s',
  '__range_ms',
] as const;

export class TrefoilDatasource extends DataSourceWithBackend<TrefoilQuery, TrefoilOptions> {
  constructor(settings: DataSourceInstanceSettings<TrefoilOptions>) {
    super(settings);
    this.annotations = {};
  }

  getDefaultQuery(_: CoreApp): Partial<TrefoilQuery> {
    return DEFAULT_QUERY;
  }

  filterQuery(query: TrefoilQuery): boolean {
    switch (query.queryType) {
      case 'logs':
        return true;
      case 'traces':
        return Boolean(query.traceId?.trim());
      default:
        return Boolean(query.expr?.trim());
    }
  }

  getQueryDisplayText(query: TrefoilQuery): string {
    switch (query.queryType) {
      case 'logs':
        return ['logs', query.service, query.severity, query.text].filter(Boolean).join(' ');
      case 'traces':
        return `trace ${query.traceId ?? ''}`;
      default:
        return query.expr ?? '';
    }
  }

  query(request: DataQueryRequest<TrefoilQuery>): Observable<DataQueryResponse> {
    return request.liveStreaming ? this.tail(request) : super.query(request);
  }

  applyTemplateVariables(query: TrefoilQuery, scopedVars: ScopedVars): TrefoilQuery {
    const vars = { ...scopedVars };
    for (const name of BACKEND_MACROS) {
      vars[name] = { text: `$${name}`, value: `$${name}` };
    }
    const templates = getTemplateSrv();
    const plain = (text: string | undefined) => text && templates.replace(text, vars);
    return {
      ...query,
      expr: query.expr && templates.replace(query.expr, vars, asRegex),
      legendFormat: plain(query.legendFormat),
      step: plain(query.step),
      service: plain(query.service),
      text: plain(query.text),
      attributes: query.attributes?.map((a) => ({ ...a, key: plain(a.key) ?? '', value: plain(a.value) ?? '' })),
      traceId: plain(query.traceId),
    };
  }

  /** Metric names seen in the range. */
  metricNames(range?: TimeRange): Promise<string[]> {
    return this.getResource('metrics', timeParams(range));
  }

  /** Names of the services that sent anything in the range. */
  services(range?: TimeRange): Promise<string[]> {
    return this.getResource('services', timeParams(range));
  }

  /** Label names of metrics, attribute keys of logs and traces. */
  labelNames(signal: Signal, range?: TimeRange): Promise<string[]> {
    return this.getResource('labels', { signal, ...timeParams(range) });
  }

  labelValues(signal: Signal, name: string, range?: TimeRange): Promise<string[]> {
    return this.getResource('label-values', { signal, name, ...timeParams(range) });
  }

  /** Follows the log searches of a request as records arrive; metrics and traces have no live form. */
  private tail(request: DataQueryRequest<TrefoilQuery>): Observable<DataQueryResponse> {
    const searches = request.targets.filter((t) => t.queryType === 'logs' && !t.hide);
    if (searches.length === 0) {
      return of({ data: [], state: LoadingState.Done });
    }
    return merge(
      ...searches.map((target) => {
        const query = this.applyTemplateVariables(target, request.scopedVars);
        const data = {
          service: query.service,
          severity: query.severity,
          text: query.text,
          attributes: query.attributes,
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
