import { CodeLanguage } from '../types';
import { helpFor, tokens, wordsOf } from './language';
import { MACROS } from './promql';

it('helps with words of the language and with macros', () => {
  expect(helpFor('promql', 'rate')).toEqual(['`rate(counter[window])`', expect.stringMatching(/per second/)]);
  expect(helpFor('promql', 'label_set')).toBeUndefined();
  expect(helpFor('metricsql', 'label_set')).toBeDefined();
  expect(helpFor('logql', 'logfmt')).toBeDefined();
  expect(helpFor('traceql', 'rootName')).toBeDefined();
  expect(helpFor('promql', '__rate_interval')).toEqual([MACROS.$__rate_interval]);
  expect(helpFor('promql', 'up')).toBeUndefined();
  expect(helpFor('promql', 'constructor')).toBeUndefined();
});

it('has a form and a sentence for every word, and colours it', () => {
  for (const language of ['promql', 'metricsql', 'logql', 'traceql'] as CodeLanguage[]) {
    const words = wordsOf(language);
    for (const [name, help] of Object.entries(words)) {
      expect(help.form).toContain(name);
      expect(help.text).toMatch(/\.$/);
    }
    expect(tokens(language).functions).toEqual(Object.keys(words));
  }
});
