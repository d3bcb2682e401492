import { DataSourceJsonData } from '@grafana/data';
import { DataQuery } from '@grafana/schema';

export type Signal = 'metrics' | 'logs' | 'traces';
export type Language = 'promql' | 'metricsql';

export const SEVERITIES = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface AttributeFilter {
  key: string;
  op: '=' | '!=';
  value: string;
}

/**
 * A saved query; pkg/plugin/query.go reads the same fields. Each signal has its own, so that switching tabs keeps
 * what was typed in the others.
 */
export interface TrefoilQuery extends DataQuery {
  queryType?: Signal;

  expr?: string;
  language?: Language;
  legendFormat?: string;
  instant?: boolean;
  step?: string;

  service?: string;
  severity?: Severity | '';
  text?: string;
  attributes?: AttributeFilter[];
  lineLimit?: number;

  traceId?: string;
}

export const DEFAULT_QUERY: Partial<TrefoilQuery> = { queryType: 'metrics', language: 'promql', expr: '' };

export const DEFAULT_LINE_LIMIT = 1000;
export const MAX_LINE_LIMIT = 5000;

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
