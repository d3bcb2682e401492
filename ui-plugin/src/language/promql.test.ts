import { functionsOf, helpFor, MACROS, tokens } from './promql';

it('helps with functions of the language and with macros', () => {
  expect(helpFor('promql', 'rate')).toEqual(['`rate(counter[window])`', expect.stringMatching(/per second/)]);
  expect(helpFor('promql', 'label_set')).toBeUndefined();
  expect(helpFor('metricsql', 'label_set')).toBeDefined();
  expect(helpFor('promql', '__rate_interval')).toEqual([MACROS.$__rate_interval]);
  expect(helpFor('promql', 'up')).toBeUndefined();
});

it('has a form and a sentence for every function, and colours it', () => {
  for (const language of ['promql', 'metricsql']) {
    const functions = functionsOf(language);
    for (const [name, help] of Object.entries(functions)) {
      expect(help.form.startsWith(name)).toBe(true);
      expect(help.text).toMatch(/\.$/);
    }
    expect(tokens(language).functions).toEqual(Object.keys(functions));
  }
});
