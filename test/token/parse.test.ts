import fc from 'fast-check';
import { checksumOf } from '../../src/token/checksum';
import { createTokenHasher } from '../../src/token/digest';
import { BASE62, isTokenPrefix, tokenLength } from '../../src/token/format';
import { generateToken } from '../../src/token/generate';
import { createTokenParser } from '../../src/token/parse';

const prefixes = fc.constantFrom('ks', 'ks_live', 'a', 'acme_v2_test', 'K9');
const parse = createTokenParser('ks');

describe('parsing a token', () => {
  test('gives back the id of every generated token, whatever prefix and workspace', () => {
    fc.assert(
      fc.property(prefixes, fc.string({ unit: 'binary', minLength: 1 }), (prefix, workspaceId) => {
        const { id, token } = generateToken(prefix, workspaceId);
        expect(createTokenParser(prefix)(token)).toBe(id);
      }),
    );
  });

  test('refuses every change of one character, or it is the digest that does', () => {
    const hasher = createTokenHasher(undefined);
    const { token } = generateToken('ks', 'acme');
    const digest = hasher.hash(token);
    const other = fc.oneof(fc.constantFrom(...BASE62), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }));
    fc.assert(
      fc.property(fc.nat(token.length - 1), other, (index, character) => {
        const changed = token.slice(0, index) + character + token.slice(index + 1);
        fc.pre(changed !== token);
        expect(parse(changed) === null || !hasher.verify(changed, digest)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('refuses each single change before any digest is made: a CRC-32 sees every error of up to 32 bits in a row', () => {
    const { token } = generateToken('ks', 'acme');
    for (let index = 0; index < token.length; index++) {
      for (const character of `${BASE62}_-. \0`) {
        if (character === token[index]) continue;
        expect(parse(token.slice(0, index) + character + token.slice(index + 1))).toBeNull();
      }
    }
  });

  test('refuses a character outside base62 even where the checksum has been made to fit', () => {
    const body = (id: string, secret: string) => `ks_${id}_${secret}`;
    const fitted = (text: string) => text + checksumOf(text);
    const id = 'A'.repeat(16);
    const secret = 'b'.repeat(32);
    expect(parse(fitted(body(id, secret)))).toBe(id);
    for (const character of [
      '_',
      '-',
      '/',
      ':',
      '@',
      '[',
      '`',
      '{',
      ' ',
      '\0',
      '\x7f',
      'é',
      'ſ',
      '０',
      '\u0141',
      '\ud800',
    ]) {
      expect(parse(fitted(body(character + id.slice(1), secret)))).toBeNull();
      expect(parse(fitted(body(id.slice(1) + character, secret)))).toBeNull();
      expect(parse(fitted(body(id, secret.slice(1) + character)))).toBeNull();
    }
    expect(parse(fitted(`ks_${id}-${secret}`))).toBeNull();
    expect(parse(fitted(`ks-${id}_${secret}`))).toBeNull();
  });

  test('refuses a checksum spelled in characters that are no digits but come to the same number', () => {
    const { token } = generateToken('ks', 'acme');
    for (let index = token.length - 6; index < token.length; index++) {
      for (const code of [
        token.charCodeAt(index) + 128,
        token.charCodeAt(index) + 256,
        0xff00 + token.charCodeAt(index),
      ]) {
        expect(parse(token.slice(0, index) + String.fromCharCode(code) + token.slice(index + 1))).toBeNull();
      }
    }
  });

  test('refuses another prefix, and what merely ends or begins like a token', () => {
    const { token } = generateToken('ks', 'acme');
    expect(createTokenParser('ks_live')(token)).toBeNull();
    expect(parse(generateToken('ks_live', 'acme').token)).toBeNull();
    expect(parse(generateToken('sk', 'acme').token)).toBeNull();
    expect(parse(`${token} `)).toBeNull();
    expect(parse(` ${token}`)).toBeNull();
    expect(parse(`${token}, ${token}`)).toBeNull();
    expect(parse(token.slice(1))).toBeNull();
    expect(parse(token.slice(0, -1))).toBeNull();
    expect(parse(token.toUpperCase())).toBeNull();
  });

  test('never throws and never accepts garbage, of any length and any characters', () => {
    for (let length = 0; length < 200; length++) {
      for (const character of ['0', '_', ' ', '\0', 'é', '字', '\ud800'])
        expect(parse(character.repeat(length))).toBeNull();
      expect(parse(`ks_${'0'.repeat(length)}`)).toBeNull();
    }
    for (const character of ['0', '_', 'é', '字']) expect(parse(character.repeat(16 * 1024))).toBeNull();
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => parse(text) === null));
    const rightLength = fc.string({
      unit: 'binary-ascii',
      minLength: tokenLength('ks') - 3,
      maxLength: tokenLength('ks') - 3,
    });
    fc.assert(fc.property(rightLength, (text) => parse(`ks_${text}`) === null));
  });

  test('takes what is not text, from callers without types, for no token', () => {
    const { token } = generateToken('ks', 'acme');
    for (const value of [undefined, null, 0, 58, {}, [], [token], Buffer.from(token), { length: 58 }]) {
      expect(parse(value as string)).toBeNull();
    }
  });
});

test('a prefix is letters, digits and single underscores', () => {
  for (const prefix of ['ks', 'ks_live', 'a', 'Acme_v2_test', 'x'.repeat(32)]) expect(isTokenPrefix(prefix)).toBe(true);
  for (const prefix of ['', '_', 'ks_', '_ks', 'a__b', '9k', 'k-s', 'k s', 'k\ns', 'kß', 'ks\n', 'x'.repeat(33)]) {
    expect(isTokenPrefix(prefix)).toBe(false);
  }
});
