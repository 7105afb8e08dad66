import { createHash, createHmac, Hmac } from 'node:crypto';
import { KeyscopeError } from '../../src/errors';
import { createTokenHasher, DUMMY_DIGEST } from '../../src/token/digest';
import { generateToken } from '../../src/token/generate';

const { token } = generateToken('ks', 'acme');
const other = generateToken('ks', 'acme').token;
const plainOf = (text: string) => createHash('sha256').update(text).digest('hex');
const keyedOf = (pepper: string, text: string) => createHmac('sha256', pepper).update(text).digest('hex');

describe('a digest', () => {
  test('is the SHA-256 of the whole token, in hexadecimal', () => {
    expect(createTokenHasher(undefined).hash(token)).toBe(plainOf(token));
    // FIPS 180-4's example.
    expect(createTokenHasher(undefined).hash('abc')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  test('is the same on the first Node 20 releases, which have no crypto.hash', () => {
    jest.isolateModules(() => {
      jest.doMock('node:crypto', () => ({ ...jest.requireActual<object>('node:crypto'), hash: undefined }));
      const older = jest.requireActual<typeof import('../../src/token/digest')>('../../src/token/digest');
      jest.dontMock('node:crypto');
      expect(older.createTokenHasher).not.toBe(createTokenHasher);
      expect(older.createTokenHasher(undefined).hash(token)).toBe(plainOf(token));
    });
  });

  test('with a pepper is the HMAC-SHA-256 under it', () => {
    expect(createTokenHasher(['first pepper']).hash(token)).toBe(keyedOf('first pepper', token));
    // RFC 4231, test case 2.
    expect(createTokenHasher(['Jefe']).hash('what do ya want for nothing?')).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  test('matches its token and no other, nor anything that is not a digest', () => {
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
      ]) {
        expect(hasher.verify(token, wrong)).toBe(false);
      }
    }
  });

  test('is compared to its last digit', () => {
    const hasher = createTokenHasher(undefined);
    const digest = hasher.hash(token);
    for (let index = 0; index < digest.length; index++) {
      const digit = digest[index] === '0' ? '1' : '0';
      expect(hasher.verify(token, digest.slice(0, index) + digit + digest.slice(index + 1))).toBe(false);
    }
  });
});

describe('a list of peppers', () => {
  test('signs with the first and verifies with all', () => {
    const hasher = createTokenHasher(['next', 'current', 'previous']);
    expect(hasher.hash(token)).toBe(keyedOf('next', token));
    for (const pepper of ['next', 'current', 'previous']) {
      expect(hasher.verify(token, keyedOf(pepper, token))).toBe(true);
      expect(hasher.verify(other, keyedOf(pepper, token))).toBe(false);
    }
    expect(hasher.verify(token, keyedOf('retired', token))).toBe(false);
  });

  test('refuses an unpeppered digest: who can only write to the store cannot mint a key', () => {
    expect(createTokenHasher(['current']).verify(token, plainOf(token))).toBe(false);
    expect(createTokenHasher(['next', 'current']).verify(token, plainOf(token))).toBe(false);
  });

  test('accepts unpeppered digests where null is in it, so that a pepper can be introduced on a running system', () => {
    const hasher = createTokenHasher(['first', null]);
    expect(hasher.hash(token)).toBe(keyedOf('first', token));
    expect(hasher.verify(token, plainOf(token))).toBe(true);
    expect(hasher.verify(token, keyedOf('first', token))).toBe(true);
  });

  test('can be prepared before it signs: null first signs without a pepper', () => {
    const hasher = createTokenHasher([null, 'coming']);
    expect(hasher.hash(token)).toBe(plainOf(token));
    expect(hasher.verify(token, keyedOf('coming', token))).toBe(true);
  });

  test('is refused when it is empty or holds an empty pepper, as a missing environment variable leaves behind', () => {
    for (const peppers of [[], [''], ['current', ''], [undefined], [42]] as unknown as string[][]) {
      expect(() => createTokenHasher(peppers)).toThrow(KeyscopeError);
      expect(() => createTokenHasher(peppers)).toThrow(/`pepper` received/);
    }
  });

  test('is tried as a whole, whichever matches: the work says nothing of the key', () => {
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
