import { logLabel } from '../language/logql';
import { LabelFilter, LineFilter, LogsBuild, Parser } from '../types';

// The logs builder: what it offers, the LogQL it prints and the sentences that explain it.

export const EMPTY_LOGS: LogsBuild = { labels: [], filters: [], parser: '', parserText: '', fields: [] };

export const LINE_FILTERS: Array<{ value: LineFilter['op']; label: string }> = [
  { value: '|=', label: 'contains' },
  { value: '!=', label: 'does not contain' },
  { value: '|~', label: 'matches' },
  { value: '!~', label: 'does not match' },
];

export const PARSERS: Array<{ value: Parser; label: string; description: string }> = [
  { value: '', label: 'none', description: 'Lines as they are' },
  { value: 'json', label: 'json', description: 'Lines are JSON' },
  { value: 'logfmt', label: 'logfmt', description: 'Lines are key=value pairs' },
  { value: 'pattern', label: 'pattern', description: 'Parts of a line, named' },
  { value: 'regexp', label: 'regexp', description: 'Named groups of a regular expression' },
];

/** Parsers that take a text. */
export const takesText = (parser: Parser) => parser === 'pattern' || parser === 'regexp';

const ORDER = new Set(['>', '>=', '<', '<=']);
const quoted = JSON.stringify;

const matcher = ({ key, op, value }: LabelFilter) => `${logLabel(key)}${op}${quoted(value)}`;

// Numbers, durations and sizes are compared as such, and only bare.
const field = ({ key, op, value }: LabelFilter) =>
  ORDER.has(op) ? `${logLabel(key)} ${op} ${/^\d/.test(value) ? value : quoted(value)}` : matcher({ key, op, value });

export function printLogs(build: LogsBuild): string {
  const parts = [`{${build.labels.map(matcher).join(', ')}}`];
  for (const { op, value } of build.filters) {
    if (value) {
      parts.push(`${op} ${quoted(value)}`);
    }
  }
  if (build.parser && !(takesText(build.parser) && !build.parserText)) {
    parts.push(`| ${build.parser}${takesText(build.parser) ? ` ${quoted(build.parserText)}` : ''}`);
  }
  return [...parts, ...build.fields.map((one) => `| ${field(one)}`)].join(' ');
}

/** A sentence for the selection and one for each step, in the order they apply. */
export function explainLogs(build: LogsBuild): string[] {
  const said = (one: LabelFilter) => `${one.key} ${one.op} ${one.value}`;
  const what = build.labels.length > 0 ? `Lines where ${build.labels.map(said).join(' and ')}.` : 'All lines.';
  const filters = build.filters
    .filter((f) => f.value)
    .map((f) => `Only those whose text ${LINE_FILTERS.find((l) => l.value === f.op)?.label} ${f.value}.`);
  const parser = build.parser ? [`Labels are made by the parser ${build.parser}.`] : [];
  return [what, ...filters, ...parser, ...build.fields.map((one) => `Only those where ${said(one)}.`)];
}
