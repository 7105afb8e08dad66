import fc from 'fast-check';
import { boundAfter, comparePositions, foldName, indexPosition, readPosition } from '../../src/store/index-position';
import { unicodeText } from '../support/unicode-text';
import { ORDERS, SORTS } from './sample';

/** Any name a key can have: all of Unicode but NUL. */
const name = unicodeText({ maxLength: 20 });
const id = fc.string({ unit: fc.constantFrom(...'09AZaz'), minLength: 16, maxLength: 16 });
const time = fc.integer({ min: 0, max: 8.64e15 });
const key = fc.record({ id, name, createdAt: time, expiresAt: time });

const byBytes = (a: string, b: string) => Math.sign(Buffer.from(a).compare(Buffer.from(b)));

test('positions are ordered as their bytes are in UTF-8, which is not how JavaScript orders text', () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      expect(Math.sign(comparePositions(a, b))).toBe(byBytes(a, b));
    }),
  );
  const emoji = '😀';
  const fullWidth = 'Ａ';
  expect(emoji < fullWidth).toBe(true);
  expect(comparePositions(emoji, fullWidth)).toBeGreaterThan(0);
  expect(comparePositions('a', 'ab')).toBeLessThan(0);
  expect(comparePositions(emoji, emoji)).toBe(0);
});

test('a position gives back the id and the folded name', () => {
  fc.assert(
    fc.property(key, (one) => {
      for (const sort of SORTS) {
        expect(readPosition(indexPosition(one, sort))).toEqual({ id: one.id, name: foldName(one.name) });
      }
    }),
  );
});

test('positions by time are in the order of time, up to the last date there is', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const order = comparePositions(indexPosition(a, 'created'), indexPosition(b, 'created'));
      if (a.createdAt !== b.createdAt) expect(Math.sign(order)).toBe(Math.sign(a.createdAt - b.createdAt));
    }),
  );
});

test('going on after a key passes over it under any name, and over no other key', () => {
  fc.assert(
    fc.property(key, key, name, (last, other, renamed) => {
      for (const order of ORDERS) {
        const ahead = (position: string, bound: string) =>
          order === 'asc' ? comparePositions(position, bound) > 0 : comparePositions(position, bound) < 0;
        for (const sort of ['created', 'expires'] as const) {
          const bound = boundAfter(indexPosition(last, sort), order);
          expect(ahead(indexPosition({ ...last, name: renamed }, sort), bound)).toBe(false);
        }
        for (const sort of SORTS) {
          const position = indexPosition(last, sort);
          const next = indexPosition(other, sort);
          if (last.id !== other.id) expect(ahead(next, boundAfter(position, order))).toBe(ahead(next, position));
        }
      }
    }),
  );
});
