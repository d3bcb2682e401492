import { CodeLanguage } from '../types';
import { wordsOf } from './language';
import { MACROS } from './promql';

/** Names from the data, for completion. match is a selector that narrows metrics down. */
export interface Names {
  metrics: () => Promise<string[]>;
  labels: (match?: string) => Promise<string[]>;
  values: (label: string, match?: string) => Promise<string[]>;
}

/** What belongs at the cursor, and what of it is typed already. */
export type Place =
  | { kind: 'word'; typed: string }
  | { kind: 'label'; typed: string; metric?: string }
  | { kind: 'value'; typed: string; label: string; metric?: string }
  | { kind: 'nothing' };

export interface Suggestion {
  label: string;
  kind: 'function' | 'metric' | 'label' | 'value' | 'macro';
  detail?: string;
  documentation?: string;
  insert: string;
}

const NAME = /[\w.:$-]*$/;
const CONDITION = /"?([\w.:-]+)"?\s*(?:=~|!~|!=|=)\s*$/;
const METRIC = /([a-zA-Z_:][\w:.]*)\s*$/;
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\((?:[^()]*,)?\s*[\w.]*$/;

/** Reads the text before the cursor. */
export function placeOf(language: CodeLanguage, before: string): Place {
  const { quoted, open } = scan(before);
  const metric = open >= 0 && isMetrics(language) ? METRIC.exec(before.slice(0, open))?.[1] : undefined;
  if (quoted >= 0) {
    const label = CONDITION.exec(before.slice(0, quoted))?.[1];
    return label ? { kind: 'value', label, typed: before.slice(quoted + 1), metric } : { kind: 'nothing' };
  }
  const typed = NAME.exec(before)![0];
  const rest = before.slice(0, before.length - typed.length);
  if (open >= 0) {
    // In TraceQL what is compared may stand anywhere in the braces, in the other languages behind { and comma.
    const begins = language === 'traceql' ? /(?:[{(!]|&&|\|\|)\s*$/ : /[{,]\s*$/;
    return begins.test(rest) ? { kind: 'label', typed, metric } : { kind: 'nothing' };
  }
  return GROUPING.test(before) ? { kind: 'label', typed } : { kind: 'word', typed };
}

const isMetrics = (language: CodeLanguage) => language === 'promql' || language === 'metricsql';

/** Where the text that is still quoted, and the brace that is still open, begin; -1 for neither. */
function scan(text: string): { quoted: number; open: number } {
  let quoted = -1;
  let open = -1;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted >= 0) {
      if (c === '\\' && text[quoted] !== '`') {
        i++;
      } else if (c === text[quoted]) {
        quoted = -1;
      }
    } else if (c === '"' || c === '`' || c === "'") {
      quoted = i;
    } else if (c === '{') {
      open = i;
    } else if (c === '}') {
      open = -1;
    }
  }
  return { quoted, open };
}

const MOST = 1000;

/** What can stand at the cursor; names that cannot be had are left out. */
export async function complete(language: CodeLanguage, place: Place, names: Names): Promise<Suggestion[]> {
  const had = async (list: Promise<string[]>) => (await list.catch(() => [])).slice(0, MOST);
  switch (place.kind) {
    case 'value': {
      const found = await had(names.values(place.label, place.metric));
      return found.map((label) => ({ label, kind: 'value', insert: JSON.stringify(label).slice(1, -1) }));
    }
    case 'label': {
      const found = await had(names.labels(place.metric));
      const labels = found.map((label): Suggestion => ({ label, kind: 'label', detail: 'label', insert: label }));
      return language === 'traceql' ? [...labels, ...words(language)] : labels;
    }
    case 'word': {
      const metrics = isMetrics(language) ? await had(names.metrics()) : [];
      return [
        ...words(language),
        ...metrics.map((label): Suggestion => ({ label, kind: 'metric', detail: 'metric', insert: label })),
        ...Object.entries(MACROS).map(([label, documentation]): Suggestion => ({
          label,
          kind: 'macro',
          documentation,
          insert: label,
        })),
      ];
    }
    default:
      return [];
  }
}

function words(language: CodeLanguage): Suggestion[] {
  return Object.entries(wordsOf(language)).map(([label, { form, text }]) => ({
    label,
    kind: 'function',
    detail: form,
    documentation: text,
    insert: form.startsWith(`${label}(`) ? `${label}(` : label,
  }));
}
