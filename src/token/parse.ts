import { CRC_START, crcEnd, crcStep, crcText } from './checksum';
import { BASE62, CHECKSUM_LENGTH, ID_LENGTH, SECRET_LENGTH, tokenLength } from './format';

const UNDERSCORE = 95;
/** A local name: compilers turn an import into a getter, which made the loops below four times as slow. */
const step = crcStep;
/**
 * Called as `charCodeAt.call(text, index)`. What is looked up on a text is looked up anew each time, and not inlined, once
 * any package in the process has a subclass of String: ioredis 6 has one, and the loops below took five times as long.
 */
const { charCodeAt } = String.prototype;
/** By ASCII code: a base62 character's value, and 64, a bit that no value has, for every other character. */
const VALUE = new Uint8Array(128).fill(64);
for (let value = 0; value < BASE62.length; value++) VALUE[BASE62.charCodeAt(value)] = value;

/** A base62 character's value; 64 or more for anything else, whatever the code unit. */
function digitOf(code: number): number {
  return (VALUE[code & 127] as number) | ((code >>> 7) << 6);
}

/**
 * Makes the function that reads the key's id out of a token, and returns null for whatever is not a well-formed token with
 * a right checksum. It runs on every request: one pass over a text whose length is known beforehand, nothing else is
 * looked at, and nothing can make it throw.
 */
export function createTokenParser(prefix: string): (text: string) => string | null {
  const start = `${prefix}_`;
  const startState = crcText(CRC_START, start);
  const length = tokenLength(prefix);
  const idStart = start.length;
  const idMiddle = idStart + ID_LENGTH / 2;
  const idEnd = idStart + ID_LENGTH;
  const bodyEnd = idEnd + 1 + SECRET_LENGTH;
  const end = bodyEnd + CHECKSUM_LENGTH;

  return function parseToken(text) {
    if (typeof text !== 'string' || text.length !== length || !text.startsWith(start)) return null;
    let state = startState;
    let seen = 0;
    for (let index = idStart; index < idEnd; index++) {
      const code = charCodeAt.call(text, index);
      seen |= digitOf(code);
      state = step(state, code);
    }
    if (charCodeAt.call(text, idEnd) !== UNDERSCORE) return null;
    state = step(state, UNDERSCORE);
    for (let index = idEnd + 1; index < bodyEnd; index++) {
      const code = charCodeAt.call(text, index);
      seen |= digitOf(code);
      state = step(state, code);
    }
    let checksum = 0;
    for (let index = bodyEnd; index < end; index++) {
      const value = digitOf(charCodeAt.call(text, index));
      seen |= value;
      checksum = checksum * 62 + value;
    }
    if (seen > 63 || checksum !== crcEnd(state)) return null;
    // Two halves, because V8 makes a slice of 13 characters or more a view of the whole text: an id that is remembered
    // in a cache would keep the secret in memory with it.
    return text.slice(idStart, idMiddle) + text.slice(idMiddle, idEnd);
  };
}
