import { AttributeFilter, MAX_LINE_LIMIT } from './types';

// Each check returns what is wrong, or undefined. Text with a template variable is judged only once it is replaced,
// by the backend.

const hasVariable = (text: string) => /\$\{?\w|\[\[\w/.test(text);

const DURATION = /^(\d+(ms|[smhdwy]))+$/;

export function checkExpr(expr: string | undefined): string | undefined {
  return expr?.trim() ? undefined : 'Enter an expression, such as up';
}

export function checkDuration(text: string | undefined): string | undefined {
  if (!text || hasVariable(text) || (DURATION.test(text) && /[1-9]/.test(text))) {
    return undefined;
  }
  return 'Not a duration: write a number and a unit, such as 30s or 5m';
}

export function checkTraceId(text: string | undefined): string | undefined {
  const id = text?.trim() ?? '';
  if (id === '') {
    return 'Enter a trace ID';
  }
  if (hasVariable(id) || /^([0-9a-f]{16}|[0-9a-f]{32})$/i.test(id)) {
    return undefined;
  }
  return `Not a trace ID: 32 hexadecimal digits are expected, these are ${id.length} characters`;
}

export function checkLineLimit(limit: number | undefined): string | undefined {
  if (limit === undefined || (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LINE_LIMIT)) {
    return undefined;
  }
  return `Between 1 and ${MAX_LINE_LIMIT}`;
}

export function checkAttribute(filter: AttributeFilter): string | undefined {
  if (filter.key === '') {
    return filter.value === '' ? undefined : 'Name the attribute';
  }
  return /[=!]/.test(filter.key) ? 'An attribute name holds no = or !' : undefined;
}

export function checkUrl(text: string): string | undefined {
  if (text === '') {
    return undefined;
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return 'Not a URL: write it as http://127.0.0.1:8733';
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return 'Begin with http:// or https://';
  }
  if (url.username || url.password) {
    return 'Put credentials under Authentication, not in the URL';
  }
  if (url.port === '4317' || url.port === '4318') {
    return 'This port takes telemetry in; queries are answered at another one, by default 8733';
  }
  return url.search || url.hash ? 'Leave out everything after the path' : undefined;
}

export function checkTenant(text: string | undefined): string | undefined {
  if (!text || (/^[A-Za-z0-9_.!*'()-]{1,150}$/.test(text) && text !== '.' && text !== '..')) {
    return undefined;
  }
  return "At most 150 letters, digits and _ . ! * ' ( ) -";
}

export function checkWholeNumber(value: number | undefined, most: number): string | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) {
    return undefined;
  }
  return `A whole number between 1 and ${most}`;
}
