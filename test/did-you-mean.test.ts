import { didYouMean, listNames } from '../src/did-you-mean';

const names = ['conversations', 'handoff', 'external_events', 'name', 'q'];

test('a name that is close to what was given is suggested', () => {
  const close: [string, string][] = [
    ['conversatoins', 'conversations'],
    ['Conversations', 'conversations'],
    ['conversation', 'conversations'],
    ['hand_off', 'handoff'],
    ['externalEvents', 'external_events'],
    ['nmae', 'name'],
    ['naem', 'name'],
  ];
  for (const [given, meant] of close) expect(didYouMean(given, names)).toBe(`Did you mean "${meant}"? `);
});

test('what is not close to any name is answered with none', () => {
  for (const given of ['', 'zz', 'billing', 'x'.repeat(64), 'x'.repeat(100_000), 7, null, undefined]) {
    expect(didYouMean(given, names)).toBe('');
  }
  expect(didYouMean('name', [])).toBe('');
});

test('a list of names is cut where nobody would read on', () => {
  expect(listNames(['a', 'b'])).toBe('a, b');
  expect(listNames(Array.from({ length: 22 }, (_, index) => `n${index}`))).toMatch(/n19 and 2 more$/);
});
