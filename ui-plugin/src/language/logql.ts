import { AGGREGATIONS, WordHelp } from './promql';

// What the code editor knows of LogQL.

export const LOGQL_WORDS: Record<string, WordHelp> = {
  json: { form: '| json', text: 'Makes labels of the fields of lines that are JSON.' },
  logfmt: { form: '| logfmt', text: 'Makes labels of the key=value pairs of lines.' },
  pattern: {
    form: '| pattern "<ip> - <_> <path>"',
    text: 'Makes labels of the parts of lines that the pattern names.',
  },
  regexp: { form: '| regexp "(?P<name>re)"', text: 'Makes labels of the named groups of a regular expression.' },
  unpack: { form: '| unpack', text: 'Undoes what packed labels into the line.' },
  line_format: { form: '| line_format "{{.label}}"', text: 'Writes the line anew, from labels.' },
  label_format: { form: '| label_format to=from', text: 'Renames labels, or writes them anew from others.' },
  decolorize: { form: '| decolorize', text: 'Takes the colours of terminals out of lines.' },
  drop: { form: '| drop label, label="value"', text: 'Takes labels away.' },
  keep: { form: '| keep label', text: 'Takes all labels away but these.' },
  unwrap: { form: '| unwrap label', text: 'Takes the number in a label for the value of the line.' },
  distinct: { form: '| distinct label', text: 'Of lines with the same values of labels, only the first.' },
  detected_level: {
    form: 'detected_level="error"',
    text: 'The level of a line: trace, debug, info, warn, error or fatal.',
  },
  rate: { form: 'rate({…} [window])', text: 'Lines per second; of numbers behind unwrap, their sum per second.' },
  count_over_time: { form: 'count_over_time({…} [window])', text: 'Number of lines in the window.' },
  bytes_rate: { form: 'bytes_rate({…} [window])', text: 'Bytes of lines per second.' },
  bytes_over_time: { form: 'bytes_over_time({…} [window])', text: 'Bytes of the lines in the window.' },
  absent_over_time: { form: 'absent_over_time({…} [window])', text: '1 when there is no line in the window.' },
  sum_over_time: { form: 'sum_over_time({…} | unwrap label [window])', text: 'Sum of the numbers in the window.' },
  avg_over_time: { form: 'avg_over_time({…} | unwrap label [window])', text: 'Average of the numbers in the window.' },
  max_over_time: { form: 'max_over_time({…} | unwrap label [window])', text: 'Greatest number in the window.' },
  min_over_time: { form: 'min_over_time({…} | unwrap label [window])', text: 'Least number in the window.' },
  quantile_over_time: {
    form: 'quantile_over_time(0.95, {…} | unwrap label [window])',
    text: 'Quantile of the numbers in the window.',
  },
  ...AGGREGATIONS,
};

/** An attribute's key as LogQL names it. */
export const logLabel = (key: string) => key.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');

/** Places of the characters of text that stand outside of quotes and comments. */
function* bare(text: string): Generator<[number, string]> {
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"' || c === '`') {
      for (i++; i < text.length && text[i] !== c; i++) {
        i += c === '"' && text[i] === '\\' ? 1 : 0;
      }
    } else if (c === '#') {
      while (i < text.length && text[i] !== '\n') {
        i++;
      }
    } else {
      yield [i, c];
    }
  }
}

/** Whether a query finds lines; it makes series of them otherwise. */
export function findsLines(query: string): boolean {
  for (const [, c] of bare(query)) {
    if (c === '{') {
      return true;
    }
    if (!/[\s(]/.test(c)) {
      return false;
    }
  }
  return false;
}

/** The query of lines that the first series of a query is made of. */
export function linesIn(query: string): string | undefined {
  let start = -1;
  for (const [i, c] of bare(query)) {
    if (c === '{' && start < 0) {
      start = i;
    } else if (start >= 0 && (c === '[' || (c === ')' && findsLines(query)))) {
      return query
        .slice(start, i)
        .replace(/\|\s*unwrap\b[^|]*$/, '')
        .trim();
    }
  }
  return start >= 0 ? query.slice(start).trim() : undefined;
}

/** A query with one more condition in its first selector. */
export function withMatcher(query: string, key: string, op: string, value: string): string {
  const matcher = `${logLabel(key)}${op}${JSON.stringify(value)}`;
  let start = -1;
  for (const [i, c] of bare(query)) {
    if (c === '{' && start < 0) {
      start = i;
    } else if (c === '}' && start >= 0) {
      const inner = query.slice(start + 1, i).trim();
      return `${query.slice(0, start)}{${inner ? `${inner}, ` : ''}${matcher}${query.slice(i)}`;
    }
  }
  return `{${matcher}}`;
}
