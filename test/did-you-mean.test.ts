import { didYouMean, listNames } from '../src/did-you-mean';

const names = ['conversations', 'handoff', 'external_events', 'name', 'q'];

test('didYouMean suggests the closest name', () => {
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

test('didYouMean returns an empty string when no name is close', () => {
  for (const given of ['', 'zz', 'billing', 'x'.repeat(64), 'x'.repeat(100_000), 7, null, undefined]) {
    expect(didYouMean(given, names)).toBe('');
  }
  expect(didYouMean('name', [])).toBe('');
});

test('listNames cuts a long list and counts the rest', () => {
  expect(listNames(['a', 'b'])).toBe('a, b');
  expect(listNames(Array.from({ length: 22 }, (_, index) => `n${index}`))).toMatch(/n19 and 2 more$/);
});
