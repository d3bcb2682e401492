import type { Monaco, monacoTypes } from '@grafana/ui';

import { mark, offerNames, register } from './monaco';

type Provider = monacoTypes.languages.CompletionItemProvider;

/** As much of Monaco as is told of our languages. */
function fakeMonaco() {
  const registered: string[] = [];
  const completion: Record<string, Provider> = {};
  const monaco = {
    Range: class {
      constructor(
        readonly startLineNumber: number,
        readonly startColumn: number,
        readonly endLineNumber: number,
        readonly endColumn: number
      ) {}
    },
    MarkerSeverity: { Error: 8 },
    editor: { setModelMarkers: jest.fn() },
    languages: {
      CompletionItemKind: { Function: 1, Constant: 2, Field: 3, Value: 4, Variable: 5 },
      getLanguages: () => registered.map((id) => ({ id })),
      register: ({ id }: { id: string }) => registered.push(id),
      setMonarchTokensProvider: jest.fn(),
      setLanguageConfiguration: jest.fn(),
      registerHoverProvider: jest.fn(),
      registerCompletionItemProvider: (id: string, provider: Provider) => (completion[id] = provider),
    },
  };
  return { monaco: monaco as unknown as Monaco, registered, completion, markers: monaco.editor.setModelMarkers };
}

it('registers each language once', () => {
  const { monaco, registered } = fakeMonaco();
  register(monaco);
  register(monaco);
  expect(registered).toEqual(['trefoil-promql', 'trefoil-metricsql', 'trefoil-logql', 'trefoil-traceql']);
});

it('completes from the names of the editor that asks, over what is typed', async () => {
  const { monaco, completion } = fakeMonaco();
  register(monaco);
  const model = { getValueInRange: () => '{service_name="ca' } as unknown as monacoTypes.editor.ITextModel;
  const position = { lineNumber: 1, column: 18 } as monacoTypes.Position;
  const ask = () => completion['trefoil-logql'].provideCompletionItems(model, position, {} as never, {} as never);
  expect(await ask()).toEqual({ suggestions: [] });
  offerNames(model, () => ({
    metrics: async () => [],
    labels: async () => [],
    values: async (label) => [`${label}-1`],
  }));
  expect(await ask()).toMatchObject({
    suggestions: [{ label: 'service_name-1', kind: 4, range: { startColumn: 16, endColumn: 18 } }],
  });
});

it('underlines the word at fault, or what stands before something missing', () => {
  const { monaco, markers } = fakeMonaco();
  const model = {
    getLineCount: () => 1,
    getLineLength: () => 9,
    getWordAtPosition: ({ column }: { column: number }) => (column === 5 ? { endColumn: 8 } : null),
  } as unknown as monacoTypes.editor.ITextModel;
  const marked = () => markers.mock.lastCall[2];
  mark(monaco, model, { message: 'unexpected', line: 1, column: 5 });
  expect(marked()).toMatchObject([{ message: 'unexpected', startColumn: 5, endColumn: 8 }]);
  mark(monaco, model, { message: 'missing )', line: 3, column: 40 });
  expect(marked()).toMatchObject([{ startLineNumber: 1, startColumn: 9, endColumn: 10 }]);
  mark(monaco, model, { message: 'somewhere' });
  expect(marked()).toEqual([]);
  mark(monaco, model, undefined);
  expect(marked()).toEqual([]);
});
