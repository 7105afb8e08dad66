import { createHash, createHmac, Hmac } from 'node:crypto';
import { KeyscopeError } from '../../src/errors';
import { createDigester, DECOY_DIGEST } from '../../src/token/digest';
import { generateToken } from '../../src/token/generate';

const { token } = generateToken('ks', 'acme');
const other = generateToken('ks', 'acme').token;
const plainOf = (text: string) => createHash('sha256').update(text).digest('hex');
const keyedOf = (pepper: string, text: string) => createHmac('sha256', pepper).update(text).digest('hex');

describe('a digest', () => {
  test('is the SHA-256 of the whole token, in hexadecimal', () => {
    expect(createDigester(undefined).sign(token)).toBe(plainOf(token));
    // FIPS 180-4's example.
    expect(createDigester(undefined).sign('abc')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  test('is the same on the first Node 20 releases, which have no crypto.hash', () => {
    jest.isolateModules(() => {
      jest.doMock('node:crypto', () => ({ ...jest.requireActual<object>('node:crypto'), hash: undefined }));
      const older = jest.requireActual<typeof import('../../src/token/digest')>('../../src/token/digest');
      jest.dontMock('node:crypto');
      expect(older.createDigester).not.toBe(createDigester);
      expect(older.createDigester(undefined).sign(token)).toBe(plainOf(token));
    });
  });

  test('with a pepper is the HMAC-SHA-256 under it', () => {
    expect(createDigester(['first pepper']).sign(token)).toBe(keyedOf('first pepper', token));
    // RFC 4231, test case 2.
    expect(createDigester(['Jefe']).sign('what do ya want for nothing?')).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  test('matches its token and no other, nor anything that is not a digest', () => {
    for (const peppers of [undefined, ['a pepper'], ['a pepper', null]]) {
      const digester = createDigester(peppers);
      const digest = digester.sign(token);
      expect(digester.matches(token, digest)).toBe(true);
      expect(digester.matches(other, digest)).toBe(false);
      for (const wrong of [
        '',
        digest.slice(1),
        digest.slice(0, 63),
        `${digest}0`,
        digest.toUpperCase(),
        DECOY_DIGEST,
      ]) {
        expect(digester.matches(token, wrong)).toBe(false);
      }
    }
  });

  test('is compared to its last digit', () => {
    const digester = createDigester(undefined);
    const digest = digester.sign(token);
    for (let index = 0; index < digest.length; index++) {
      const digit = digest[index] === '0' ? '1' : '0';
      expect(digester.matches(token, digest.slice(0, index) + digit + digest.slice(index + 1))).toBe(false);
    }
  });
});

describe('a list of peppers', () => {
  test('signs with the first and verifies with all', () => {
    const digester = createDigester(['next', 'current', 'previous']);
    expect(digester.sign(token)).toBe(keyedOf('next', token));
    for (const pepper of ['next', 'current', 'previous']) {
      expect(digester.matches(token, keyedOf(pepper, token))).toBe(true);
      expect(digester.matches(other, keyedOf(pepper, token))).toBe(false);
    }
    expect(digester.matches(token, keyedOf('retired', token))).toBe(false);
  });

  test('refuses an unpeppered digest: who can only write to the store cannot mint a key', () => {
    expect(createDigester(['current']).matches(token, plainOf(token))).toBe(false);
    expect(createDigester(['next', 'current']).matches(token, plainOf(token))).toBe(false);
  });

  test('accepts unpeppered digests where null is in it, so that a pepper can be introduced on a running system', () => {
    const digester = createDigester(['first', null]);
    expect(digester.sign(token)).toBe(keyedOf('first', token));
    expect(digester.matches(token, plainOf(token))).toBe(true);
    expect(digester.matches(token, keyedOf('first', token))).toBe(true);
  });

  test('can be prepared before it signs: null first signs without a pepper', () => {
    const digester = createDigester([null, 'coming']);
    expect(digester.sign(token)).toBe(plainOf(token));
    expect(digester.matches(token, keyedOf('coming', token))).toBe(true);
  });

  test('is refused when it is empty or holds an empty pepper, as a missing environment variable leaves behind', () => {
    for (const peppers of [[], [''], ['current', ''], [undefined], [42]] as unknown as string[][]) {
      expect(() => createDigester(peppers)).toThrow(KeyscopeError);
      expect(() => createDigester(peppers)).toThrow(/`pepper` received/);
    }
  });

  test('is tried as a whole, whichever matches: the work says nothing of the key', () => {
    const digester = createDigester(['one', 'two', 'three']);
    const digests = ['one', 'two', 'three', 'none'].map((pepper) => keyedOf(pepper, token));
    const update = jest.spyOn(Hmac.prototype, 'update');
    const work = [...digests, DECOY_DIGEST].map((digest) => {
      update.mockClear();
      digester.matches(token, digest);
      return update.mock.calls.length;
    });
    update.mockRestore();
    expect(work).toEqual([3, 3, 3, 3, 3]);
  });
});
