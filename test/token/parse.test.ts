import fc from 'fast-check';
import { checksumOf } from '../../src/token/checksum';
import { createTokenHasher } from '../../src/token/digest';
import { BASE62, isTokenPrefix, tokenLength } from '../../src/token/format';
import { generateToken } from '../../src/token/generate';
import { createTokenParser } from '../../src/token/parse';
import { unicodeText } from '../support/unicode-text';

const prefixes = fc.constantFrom('ks', 'ks_live', 'a', 'acme_v2_test', 'K9');
const parse = createTokenParser('ks');

describe('createTokenParser', () => {
  test('the parser returns the id of every generated token, for every prefix and workspace', () => {
    fc.assert(
      fc.property(prefixes, unicodeText({ minLength: 1 }), (prefix, workspaceId) => {
        const { id, token } = generateToken(prefix, workspaceId);
        expect(createTokenParser(prefix)(token)).toBe(id);
      }),
    );
  });

  test('the parser or the digest rejects every change of one character', () => {
    const hasher = createTokenHasher(undefined);
    const { token } = generateToken('ks', 'acme');
    const digest = hasher.hash(token);
    const other = fc.oneof(fc.constantFrom(...BASE62), unicodeText({ minLength: 1, maxLength: 1 }));
    fc.assert(
      fc.property(fc.nat(token.length - 1), other, (index, character) => {
        const changed = token.slice(0, index) + character + token.slice(index + 1);
        fc.pre(changed !== token);
        expect(parse(changed) === null || !hasher.verify(changed, digest)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('the parser rejects every change of one character, because a CRC-32 detects all bursts of up to 32 bits', () => {
    const { token } = generateToken('ks', 'acme');
    for (let index = 0; index < token.length; index++) {
      for (const character of `${BASE62}_-. \0`) {
        if (character === token[index]) continue;
        expect(parse(token.slice(0, index) + character + token.slice(index + 1))).toBeNull();
      }
    }
  });

  test('the parser rejects characters outside base62 even if the checksum fits', () => {
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

  test('the parser rejects a checksum in characters that only have the same value modulo 128', () => {
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

  test('the parser rejects another prefix, and strings that only begin or end like a token', () => {
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

  test('the parser returns null for garbage of any length and any characters, and never throws', () => {
    for (let length = 0; length < 200; length++) {
      for (const character of ['0', '_', ' ', '\0', 'é', '字', '\ud800'])
        expect(parse(character.repeat(length))).toBeNull();
      expect(parse(`ks_${'0'.repeat(length)}`)).toBeNull();
    }
    for (const character of ['0', '_', 'é', '字']) expect(parse(character.repeat(16 * 1024))).toBeNull();
    fc.assert(fc.property(unicodeText({ maxLength: 300 }), (text) => parse(text) === null));
    const rightLength = fc.string({
      unit: 'binary-ascii',
      minLength: tokenLength('ks') - 3,
      maxLength: tokenLength('ks') - 3,
    });
    fc.assert(fc.property(rightLength, (text) => parse(`ks_${text}`) === null));
  });

  test('the parser returns null for values that are no strings', () => {
    const { token } = generateToken('ks', 'acme');
    for (const value of [undefined, null, 0, 58, {}, [], [token], Buffer.from(token), { length: 58 }]) {
      expect(parse(value as string)).toBeNull();
    }
  });
});

test('isTokenPrefix accepts letters, digits and single underscores', () => {
  for (const prefix of ['ks', 'ks_live', 'a', 'Acme_v2_test', 'x'.repeat(32)]) expect(isTokenPrefix(prefix)).toBe(true);
  for (const prefix of ['', '_', 'ks_', '_ks', 'a__b', '9k', 'k-s', 'k s', 'k\ns', 'kß', 'ks\n', 'x'.repeat(33)]) {
    expect(isTokenPrefix(prefix)).toBe(false);
  }
});
