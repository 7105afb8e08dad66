import { CRC_START, crcEnd, crcStep, crcText } from './checksum';
import { BASE62, CHECKSUM_LENGTH, ID_LENGTH, SECRET_LENGTH, tokenLength } from './format';

const UNDERSCORE = 95;
/** A local name, because compilers turn an import into a getter. The loops below were four times as slow with it. */
const step = crcStep;
/**
 * Called as `charCodeAt.call(text, index)`. V8 does not inline `text.charCodeAt` if any package in the process has a
 * subclass of String. ioredis 6 has one, and the loops below took five times as long.
 */
const { charCodeAt } = String.prototype;
/** Values of base62 characters by ASCII code. Other characters have 64, a bit that no value has. */
const VALUE = new Uint8Array(128).fill(64);
for (let value = 0; value < BASE62.length; value++) VALUE[BASE62.charCodeAt(value)] = value;

/** Value of a base62 character; 64 or more for every other code unit. */
function digitOf(code: number): number {
  return (VALUE[code & 127] as number) | ((code >>> 7) << 6);
}

/**
 * Creates a function that returns the key id in a token, or null if the string is no well-formed token with a correct
 * checksum. It runs on every request: one pass over a string of known length, and it never throws.
 *
 * @param prefix Prefix of the tokens, e.g. `'ks'`.
 * @example createTokenParser('ks')('ks_4fQaB91zT0mXw7Lc_…')   // '4fQaB91zT0mXw7Lc', or null
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
    // Two halves, because a slice of 13 characters or more is a view of the whole string in V8: an id in a cache would
    // keep the secret in memory.
    return text.slice(idStart, idMiddle) + text.slice(idMiddle, idEnd);
  };
}
