import fc from 'fast-check';

const SURROGATES = 0xd800;
const SURROGATE_COUNT = 0x800;

/** Any character but NUL and lone surrogates. Half of them are ASCII, a quarter are of the basic plane. */
const character = fc
  .oneof(
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 0x7f }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 0xffff - SURROGATE_COUNT }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 0x10ffff - SURROGATE_COUNT }) },
  )
  .map((point) => String.fromCodePoint(point < SURROGATES ? point : point + SURROGATE_COUNT));

/** Marks that combine with the character in front of them. */
const grapheme = fc
  .tuple(character, fc.oneof({ weight: 4, arbitrary: fc.constant('') }, fc.constantFrom('\u0301', '\u200d', '\ufe0f')))
  .map((parts) => parts.join(''));

/**
 * Strings of all of Unicode. The units `binary` and `grapheme` of `fc.string` build a table of all characters first,
 * which takes longer than most test files.
 */
export function unicodeText(constraints: { readonly minLength?: number; readonly maxLength?: number } = {}) {
  return fc.array(grapheme, constraints).map((characters) => characters.join(''));
}
