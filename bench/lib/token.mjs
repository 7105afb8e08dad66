import { randomInt } from 'node:crypto';
import { createTokenParser } from 'keyscope';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const isToken = createTokenParser('ks');

function randomText(length) {
  return Array.from({ length }, () => BASE62[randomInt(62)]).join('');
}

function crc32(text) {
  let crc = -1;
  for (const character of text) {
    crc ^= character.charCodeAt(0);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/**
 * A well-formed token that no key has. Made here, because a second instance of keyscope to make them would have V8 treat
 * the functions of the measured one as one of several.
 */
export function unknownToken() {
  const body = `ks_${randomText(16)}_${randomText(32)}`;
  let checksum = '';
  for (let rest = crc32(body); checksum.length < 6; rest = Math.floor(rest / 62))
    checksum = BASE62[rest % 62] + checksum;
  const token = body + checksum;
  if (isToken(token) === null) throw new Error('A token did not come out well formed.');
  return token;
}

/** Table-driven, for tens of thousands a second. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function toBase62(number, length) {
  let text = '';
  for (let rest = number; text.length < length; rest = Math.floor(rest / 62)) text = BASE62[rest % 62] + text;
  return text;
}

/** Gives a function that makes well-formed tokens, all different, much cheaper than `unknownToken` does. */
export function createForger() {
  const secret = 'A'.repeat(32);
  let made = randomInt(2 ** 40);
  return function forge() {
    made += 1;
    const body = `ks_${toBase62(made, 16)}_${secret}`;
    let crc = -1;
    for (let index = 0; index < body.length; index++)
      crc = CRC_TABLE[(crc ^ body.charCodeAt(index)) & 0xff] ^ (crc >>> 8);
    const token = body + toBase62(~crc >>> 0, 6);
    if (made % 1024 === 0 && isToken(token) === null) throw new Error('A token did not come out well formed.');
    return token;
  };
}
