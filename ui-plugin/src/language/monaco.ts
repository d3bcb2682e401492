import type { Monaco, monacoTypes } from '@grafana/ui';

import { CodeLanguage, Problem } from '../types';
import { complete, Names, placeOf, Suggestion } from './completion';
import { helpFor, tokens } from './language';

// Teaches Monaco our languages.

const LANGUAGES: CodeLanguage[] = ['promql', 'metricsql', 'logql', 'traceql'];

/** Monaco's name of a language: Grafana's own sources may have taken the plain one. */
export const monacoId = (language: CodeLanguage) => `trefoil-${language}`;

// Monaco asks one provider for all editors of a language; the text it asks about leads to the editor's names.
const namesOf = new WeakMap<object, () => Names>();

/** Says where the names for an editor's completion come from. */
export function offerNames(model: object | null, names: () => Names) {
  if (model) {
    namesOf.set(model, names);
  }
}

/** Registers the languages, once for all editors of the page. */
export function register(monaco: Monaco) {
  const known = monaco.languages.getLanguages().map((l) => l.id);
  for (const language of LANGUAGES) {
    const id = monacoId(language);
    if (known.includes(id)) {
      continue;
    }
    monaco.languages.register({ id });
    monaco.languages.setMonarchTokensProvider(id, tokens(language) as monacoTypes.languages.IMonarchLanguage);
    monaco.languages.setLanguageConfiguration(id, {
      brackets: [
        ['{', '}'],
        ['[', ']'],
        ['(', ')'],
      ],
      autoClosingPairs: ['{}', '[]', '()', '""'].map(([open, close]) => ({ open, close })),
    });
    monaco.languages.registerHoverProvider(id, {
      provideHover: (model, position) => {
        const word = model.getWordAtPosition(position);
        const help = word && helpFor(language, word.word);
        return help ? { contents: help.map((text) => ({ value: text })) } : null;
      },
    });
    monaco.languages.registerCompletionItemProvider(id, {
      triggerCharacters: ['{', ',', '"', '(', '|', '.', '$', ' '],
      provideCompletionItems: (model, position) => completions(monaco, language, model, position),
    });
  }
}

async function completions(
  monaco: Monaco,
  language: CodeLanguage,
  model: monacoTypes.editor.ITextModel,
  position: monacoTypes.Position
): Promise<monacoTypes.languages.CompletionList> {
  const names = namesOf.get(model);
  const before = model.getValueInRange(new monaco.Range(1, 1, position.lineNumber, position.column));
  const place = placeOf(language, before);
  if (!names || place.kind === 'nothing') {
    return { suggestions: [] };
  }
  const found = await complete(language, place, names());
  const { lineNumber, column } = position;
  const range = new monaco.Range(lineNumber, column - place.typed.length, lineNumber, column);
  const kinds = monaco.languages.CompletionItemKind;
  const icon: Record<Suggestion['kind'], monacoTypes.languages.CompletionItemKind> = {
    function: kinds.Function,
    metric: kinds.Constant,
    label: kinds.Field,
    value: kinds.Value,
    macro: kinds.Variable,
  };
  return {
    suggestions: found.map(({ label, kind, detail, documentation, insert }) => ({
      label,
      kind: icon[kind],
      detail,
      documentation,
      insertText: insert,
      range,
    })),
  };
}

/** Underlines what is wrong, from its place to the end of the word; no problem underlines nothing. */
export function mark(monaco: Monaco, model: monacoTypes.editor.ITextModel, problem: Problem | undefined) {
  const markers: monacoTypes.editor.IMarkerData[] = [];
  if (problem?.line && problem.column) {
    const line = Math.min(problem.line, model.getLineCount());
    const length = model.getLineLength(line);
    // A mistake at the end of the text is something missing: what stands before it is underlined.
    const from = Math.min(problem.column, Math.max(length, 1));
    const word = model.getWordAtPosition({ lineNumber: line, column: from });
    markers.push({
      severity: monaco.MarkerSeverity.Error,
      message: problem.message,
      startLineNumber: line,
      startColumn: from,
      endLineNumber: line,
      endColumn: Math.max(word?.endColumn ?? 0, from + 1),
    });
  }
  monaco.editor.setModelMarkers(model, 'trefoil', markers);
}
