import { createHash, randomBytes } from 'node:crypto';
import { generateToken } from '../../src/token/generate';
import {
  aliasOf,
  fingerprintOf,
  hashInputOf,
  isAlias,
  isImportedToken,
  maskableEnds,
  readFingerprint,
} from '../../src/token/imported-token';
import { createTokenParser } from '../../src/token/parse';

describe('an imported token', () => {
  test('an imported token is 8–512 visible ASCII characters', () => {
    for (const good of ['12345678', 'sk_live-!~', 'x'.repeat(512)]) expect(isImportedToken(good)).toBe(true);
    for (const bad of [
      '',
      '1234567',
      'x'.repeat(513),
      'two words',
      'a, bcdefgh',
      'schlüssel',
      'line\nfeed',
      '\x7f'.repeat(9),
    ]) {
      expect(isImportedToken(bad)).toBe(false);
    }
    for (const bad of [undefined, null, 12345678, ['12345678']]) expect(isImportedToken(bad)).toBe(false);
  });

  test('readFingerprint parses a SHA-256 in hexadecimal, base64 and base64url', () => {
    for (let round = 0; round < 50; round++) {
      const token = randomBytes(20).toString('base64');
      const bytes = createHash('sha256').update(token).digest();
      const hex = bytes.toString('hex');
      expect(fingerprintOf(token)).toBe(hex);
      const forms = [hex, hex.toUpperCase(), bytes.toString('base64'), bytes.toString('base64url')];
      for (const form of [...forms, bytes.toString('base64').replace('=', ''), `${bytes.toString('base64url')}=`]) {
        expect(readFingerprint(form)).toBe(hex);
      }
    }
  });

  test('readFingerprint returns null for other strings', () => {
    for (const text of ['', 'x', 'a'.repeat(63), 'a'.repeat(65), 'g'.repeat(64), '='.repeat(44), ' '.repeat(43)]) {
      expect(readFingerprint(text)).toBeNull();
    }
  });

  test('aliasOf and hashInputOf do not reveal each other, and are no keyscope tokens', () => {
    const fingerprint = fingerprintOf('sk_live_abcdefgh');
    const alias = aliasOf(fingerprint);
    expect(isAlias(alias)).toBe(true);
    expect(isAlias(fingerprint)).toBe(false);
    const proof = hashInputOf(fingerprint);
    expect(fingerprintOf(proof)).not.toContain(alias);
    expect(fingerprint).not.toContain(alias);
    expect(createTokenParser('ks')(proof)).toBeNull();
    expect(createTokenParser('imported')(proof)).toBeNull();
  });

  test('maskableEnds returns ends only if enough of the token stays hidden', () => {
    expect(maskableEnds('a'.repeat(23))).toEqual({ first: '', last: '' });
    expect(maskableEnds(undefined)).toEqual({ first: '', last: '' });
    expect(maskableEnds(`head${'x'.repeat(16)}tail`)).toEqual({ first: 'head', last: 'tail' });
  });

  test('a keyscope token with another prefix can be imported', () => {
    const { token } = generateToken('other', 'default');
    expect(createTokenParser('ks')(token)).toBeNull();
    expect(isImportedToken(token)).toBe(true);
  });
});
