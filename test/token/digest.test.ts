import { createHash, createHmac, Hmac } from 'node:crypto';
import { KeyscopeError } from '../../src/errors';
import { createTokenHasher, DUMMY_DIGEST } from '../../src/token/digest';
import { generateToken } from '../../src/token/generate';

const { token } = generateToken('ks', 'acme');
const other = generateToken('ks', 'acme').token;
const plainOf = (text: string) => createHash('sha256').update(text).digest('hex');
const keyedOf = (pepper: string, text: string) => createHmac('sha256', pepper).update(text).digest('hex');

describe('createTokenHasher', () => {
  test('a digest is the SHA-256 of the whole token, in hexadecimal', () => {
    expect(createTokenHasher(undefined).hash(token)).toBe(plainOf(token));
    // FIPS 180-4's example.
    expect(createTokenHasher(undefined).hash('abc')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  test('a digest is the HMAC-SHA-256 of the token if there is a pepper', () => {
    expect(createTokenHasher(['first pepper']).hash(token)).toBe(keyedOf('first pepper', token));
    // RFC 4231, test case 2.
    expect(createTokenHasher(['Jefe']).hash('what do ya want for nothing?')).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  test('verify accepts the digest of the token, and neither another digest nor another string', () => {
    for (const peppers of [undefined, ['a pepper'], ['a pepper', null]]) {
      const hasher = createTokenHasher(peppers);
      const digest = hasher.hash(token);
      expect(hasher.verify(token, digest)).toBe(true);
      expect(hasher.verify(other, digest)).toBe(false);
      for (const wrong of [
        '',
        digest.slice(1),
        digest.slice(0, 63),
        `${digest}0`,
        digest.toUpperCase(),
        DUMMY_DIGEST,
        // The same string for a comparison of UTF-8 bytes by length, or of low bytes.
        'é'.repeat(32),
        String.fromCharCode(digest.charCodeAt(0) + 1) + digest.slice(1),
      ]) {
        expect(hasher.verify(token, wrong)).toBe(false);
      }
    }
  });

  test('verify compares every digit', () => {
    const hasher = createTokenHasher(undefined);
    const digest = hasher.hash(token);
    for (let index = 0; index < digest.length; index++) {
      const digit = digest[index] === '0' ? '1' : '0';
      expect(hasher.verify(token, digest.slice(0, index) + digit + digest.slice(index + 1))).toBe(false);
    }
  });
});

describe('an array of peppers', () => {
  test('the first pepper hashes, and all of them verify', () => {
    const hasher = createTokenHasher(['next', 'current', 'previous']);
    expect(hasher.hash(token)).toBe(keyedOf('next', token));
    for (const pepper of ['next', 'current', 'previous']) {
      expect(hasher.verify(token, keyedOf(pepper, token))).toBe(true);
      expect(hasher.verify(other, keyedOf(pepper, token))).toBe(false);
    }
    expect(hasher.verify(token, keyedOf('retired', token))).toBe(false);
  });

  test('verify rejects a digest without pepper, so that write access to the store is not enough to create a key', () => {
    expect(createTokenHasher(['current']).verify(token, plainOf(token))).toBe(false);
    expect(createTokenHasher(['next', 'current']).verify(token, plainOf(token))).toBe(false);
  });

  test('verify accepts digests without pepper if null is in the array, so that a pepper can be introduced', () => {
    const hasher = createTokenHasher(['first', null]);
    expect(hasher.hash(token)).toBe(keyedOf('first', token));
    expect(hasher.verify(token, plainOf(token))).toBe(true);
    expect(hasher.verify(token, keyedOf('first', token))).toBe(true);
  });

  test('null as the first pepper hashes without a pepper, so that the next one can be prepared', () => {
    const hasher = createTokenHasher([null, 'coming']);
    expect(hasher.hash(token)).toBe(plainOf(token));
    expect(hasher.verify(token, keyedOf('coming', token))).toBe(true);
  });

  test('createTokenHasher throws for an empty array and an empty pepper, as a missing environment variable gives', () => {
    for (const peppers of [[], [''], ['current', ''], [undefined], [42]] as unknown as string[][]) {
      expect(() => createTokenHasher(peppers)).toThrow(KeyscopeError);
      expect(() => createTokenHasher(peppers)).toThrow(/`pepper` received/);
    }
  });

  test('verify does the same work whichever pepper matches, and if none does', () => {
    const hasher = createTokenHasher(['one', 'two', 'three']);
    const digests = ['one', 'two', 'three', 'none'].map((pepper) => keyedOf(pepper, token));
    const update = jest.spyOn(Hmac.prototype, 'update');
    const work = [...digests, DUMMY_DIGEST].map((digest) => {
      update.mockClear();
      hasher.verify(token, digest);
      return update.mock.calls.length;
    });
    update.mockRestore();
    expect(work).toEqual([3, 3, 3, 3, 3]);
  });
});
