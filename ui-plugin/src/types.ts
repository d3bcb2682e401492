import { DataSourceJsonData } from '@grafana/data';
import { DataQuery } from '@grafana/schema';

export type Signal = 'metrics' | 'logs' | 'traces' | 'alerts';
export type Language = 'promql' | 'metricsql';
export type CodeLanguage = Language | 'logql' | 'traceql';
export type LogsMode = 'search' | EditorMode;
export type EditorMode = 'code' | 'builder';
export type Format = 'time_series' | 'table' | 'heatmap';
export type TracesMode = 'id' | 'search' | 'traceql' | 'graph';
export type AlertsMode = 'list' | 'history';

export const SEVERITIES = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface AttributeFilter {
  key: string;
  op: '=' | '!=';
  value: string;
}

/** The search form of traces; the backend writes it as TraceQL. */
export interface SpanSearch {
  service?: string;
  operation?: string;
  minDuration?: string;
  maxDuration?: string;
  status?: 'error' | 'ok' | 'unset' | '';
  attributes?: AttributeFilter[];
}

/** A label's condition in a metric query. */
export interface LabelFilter {
  key: string;
  op: string;
  value: string;
}

/** One step of a builder, by the id of its operation. */
export interface Operation {
  id: string;
  params: string[];
}

/** What the metrics builder shows; expr is printed from it. */
export interface MetricsBuild {
  metric: string;
  labels: LabelFilter[];
  operations: Operation[];
}

/** A line filter of the logs builder: how LogQL writes it, and what it looks for. */
export interface LineFilter {
  op: '|=' | '!=' | '|~' | '!~';
  value: string;
}

export type Parser = '' | 'json' | 'logfmt' | 'pattern' | 'regexp';

/** What the logs builder shows; logql is printed from it. */
export interface LogsBuild {
  labels: LabelFilter[];
  filters: LineFilter[];
  parser: Parser;
  /** of pattern and regexp */
  parserText: string;
  /** conditions on what the parser made */
  fields: LabelFilter[];
  /** make series of the lines: a count or the like over a window, then others over its series */
  operations?: Operation[];
}

/** What a dashboard's variable lists. */
export interface VariableQuery {
  kind: 'label-values' | 'labels' | 'services' | 'operations' | 'metrics';
  signal?: 'metrics' | 'logs' | 'traces';
  label?: string;
  /** whose operations are listed; all without one */
  service?: string;
  /** a selector in the signal's language that narrows the list down, variables allowed */
  match?: string;
}

/** What is wrong with a query and where, counted from 1; without a place it is not known. */
export interface Problem {
  message: string;
  line?: number;
  column?: number;
}

/**
 * A saved query; pkg/plugin/query.go reads the same fields. Each signal has its own, so that switching tabs keeps
 * what was typed in the others.
 */
export interface TrefoilQuery extends DataQuery {
  queryType?: Signal;

  expr?: string;
  language?: Language;
  metricsMode?: EditorMode;
  build?: MetricsBuild;
  legendFormat?: string;
  instant?: boolean;
  exemplars?: boolean;
  format?: Format;
  step?: string;

  logsMode?: LogsMode;
  logql?: string;
  logsBuild?: LogsBuild;
  /** how many lines of each level there are, instead of lines */
  logVolume?: boolean;
  service?: string;
  severity?: Severity | '';
  text?: string;
  attributes?: AttributeFilter[];
  lineLimit?: number;
  logTraceId?: string;
  logSpanId?: string;
  /** oldest first, as a log's context asks for what follows */
  forward?: boolean;

  tracesMode?: TracesMode;
  traceId?: string;
  traceql?: string;
  search?: SpanSearch;
  traceLimit?: number;

  alertsMode?: AlertsMode;

  /** lines and traces in the form of annotations; put in when a dashboard runs the query as one */
  annotation?: boolean;
  /** a dashboard's ad-hoc filters, put in when a query is run */
  adhocFilters?: LabelFilter[];
  /** only of a variable's query */
  variable?: VariableQuery;
}

export const DEFAULT_QUERY: Partial<TrefoilQuery> = { queryType: 'metrics', language: 'promql', expr: '' };

export const DEFAULT_LINE_LIMIT = 1000;
export const MAX_LINE_LIMIT = 100000;

export type AuthMethod = 'none' | 'basic' | 'token' | 'forward';

/** Settings that everyone who may use the data source can read. */
export interface TrefoilOptions extends DataSourceJsonData {
  tenant?: string;
  authMethod?: AuthMethod;
  oauthPassThru?: boolean;
  tlsAuth?: boolean;
  tlsAuthWithCACert?: boolean;
  tlsSkipVerify?: boolean;
  serverName?: string;
  /** seconds */
  timeout?: number;
  maxResponseMiB?: number;
  /** how often metrics are exported to Trefoil, for $__rate_interval */
  timeInterval?: string;
}

/** Settings that only the backend reads. */
export interface TrefoilSecrets {
  basicAuthPassword?: string;
  bearerToken?: string;
  tlsCACert?: string;
  tlsClientCert?: string;
  tlsClientKey?: string;
}
