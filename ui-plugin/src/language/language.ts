import { CodeLanguage } from '../types';
import { LOGQL_WORDS } from './logql';
import { FUNCTIONS, MACROS, METRICSQL_FUNCTIONS, WordHelp } from './promql';
import { TRACEQL_WORDS } from './traceql';

// What the code editor knows of the four languages: hover help and colours; completion.ts has what it offers where.

const KEYWORDS = [
  ...['by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'bool', 'offset', 'and', 'or', 'unless'],
  ...['default', 'if', 'error', 'ok', 'unset', 'server', 'client', 'producer', 'consumer', 'internal'],
];

/** Functions, stages and fields of a language. */
export function wordsOf(language: CodeLanguage): Record<string, WordHelp> {
  switch (language) {
    case 'metricsql':
      return { ...FUNCTIONS, ...METRICSQL_FUNCTIONS };
    case 'logql':
      return LOGQL_WORDS;
    case 'traceql':
      return TRACEQL_WORDS;
    default:
      return FUNCTIONS;
  }
}

/** The help of the word under the pointer, as lines of Markdown. */
export function helpFor(language: CodeLanguage, word: string): string[] | undefined {
  const words = wordsOf(language);
  const help = Object.hasOwn(words, word) ? words[word] : undefined;
  if (help) {
    return [`\`${help.form}\``, help.text];
  }
  const macro = MACROS[`$${word.replace(/^\$/, '')}`];
  return macro ? [macro] : undefined;
}

/** Monaco's description of the language's words, for colours. */
export function tokens(language: CodeLanguage) {
  return {
    keywords: KEYWORDS,
    functions: Object.keys(wordsOf(language)),
    tokenizer: {
      root: [
        [/#.*$/, 'comment'],
        [/"([^"\\]|\\.)*"|'([^'\\]|\\.)*'|`[^`]*`/, 'string'],
        [/\$\{?[\w:]+\}?/, 'variable'],
        [/\b\d+(\.\d+)?(ms|us|µs|ns|[smhdwy])\b/, 'number'],
        [/\b\d+(\.\d+)?([eE][+-]?\d+)?\b/, 'number'],
        [
          /[a-zA-Z_:][\w:.]*/,
          { cases: { '@keywords': 'keyword', '@functions': 'predefined', '@default': 'identifier' } },
        ],
        [/[{}()[\]]/, 'delimiter'],
        [/[=!<>~+\-*/%^|&]+/, 'operator'],
      ],
    },
  };
}
