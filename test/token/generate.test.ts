import { randomBytes } from 'node:crypto';
import { BASE62, isKeyId, tagOf, tokenLength, workspaceTag } from '../../src/token/format';
import { createIdGenerator, generateToken } from '../../src/token/generate';

describe('generateToken', () => {
  test('generateToken returns prefix, id, secret and checksum as one string, and the public parts', () => {
    const { id, token, last4 } = generateToken('ks_live', 'acme');
    expect(token).toMatch(/^ks_live_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}$/);
    expect(token).toHaveLength(tokenLength('ks_live'));
    expect(token.slice('ks_live_'.length, 'ks_live_'.length + 16)).toBe(id);
    expect(token.slice(-4)).toBe(last4);
    expect(isKeyId(id)).toBe(true);
  });

  test('generateToken begins the id with the tag of the workspace', () => {
    const acme = generateToken('ks', 'acme');
    expect(tagOf(acme.id)).toBe(workspaceTag('acme'));
    expect(tagOf(generateToken('ks', 'acme').id)).toBe(tagOf(acme.id));
    expect(tagOf(generateToken('ks', 'globex').id)).not.toBe(tagOf(acme.id));
  });

  test('generateToken returns no token twice', () => {
    const tokens = new Set(Array.from({ length: 10_000 }, () => generateToken('ks', 'acme').token));
    expect(tokens.size).toBe(10_000);
  });

  test('generateToken rejects bytes that would make some characters more likely', () => {
    // 248–255 would map to 0–7 a fifth time.
    let round = 0;
    const { id, token } = generateToken('ks', 'acme', (size) => {
      round++;
      return new Uint8Array(size).map((_, index) => (index < size / 2 ? 248 + (index % 8) : 61));
    });
    expect(id.slice(4)).toBe('z'.repeat(12));
    expect(token.slice(20, 52)).toBe('z'.repeat(32));
    expect(round).toBeGreaterThan(2);
  });

  test('generateToken maps exactly 4 bytes to each base62 character', () => {
    const seen = new Map<string, number>();
    for (let byte = 0; byte < 248; byte++) {
      const character = generateToken('ks', 'acme', (size) => new Uint8Array(size).fill(byte)).id.charAt(15);
      seen.set(character, (seen.get(character) ?? 0) + 1);
    }
    expect([...seen.keys()].sort().join('')).toBe(BASE62);
    expect(new Set(seen.values())).toEqual(new Set([4]));
  });

  test('generateToken uses every character equally often', () => {
    const counts = new Map<string, number>();
    const tokens = 4_000;
    for (let index = 0; index < tokens; index++) {
      const { token, id } = generateToken('ks', 'acme', randomBytes);
      for (const character of id.slice(4) + token.slice(20, 52))
        counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    const expected = (tokens * 44) / 62;
    let chiSquare = 0;
    for (const character of BASE62) chiSquare += ((counts.get(character) ?? 0) - expected) ** 2 / expected;
    // 61 degrees of freedom: mean 61, deviation 11. Byte modulo 62 without rejection gives about 1,200.
    expect(chiSquare).toBeLessThan(180);
  });
});

test('createIdGenerator returns growing ids when the millisecond is the same, and random ones otherwise', () => {
  const newId = createIdGenerator();
  const counterOf = (id: string) => id.slice(4, 8);
  const ids = Array.from({ length: 5_000 }, () => newId('acme', 7));
  expect(ids.every(isKeyId)).toBe(true);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids.map((id) => id.slice(8))).size).toBe(5_000);
  expect(ids.map(tagOf)).toEqual(ids.map(() => workspaceTag('acme')));
  const others = Array.from({ length: 5_000 }, (_, ms) => newId('acme', ms));
  expect(new Set(others.map(counterOf)).size).toBeGreaterThan(4_900);
});

test('workspaceTag returns the same tag in every version', () => {
  // Tags are part of stored ids and Redis keys. A change would make every key unreachable.
  expect(workspaceTag('default')).toBe('TEUr');
  expect(workspaceTag('acme')).toBe('ZUK9');
  expect(workspaceTag('Łódź 😀')).toBe('9ih5');
});
