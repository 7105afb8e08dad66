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
export function strangersToken() {
  const body = `ks_${randomText(16)}_${randomText(32)}`;
  let checksum = '';
  for (let rest = crc32(body); checksum.length < 6; rest = Math.floor(rest / 62))
    checksum = BASE62[rest % 62] + checksum;
  const token = body + checksum;
  if (isToken(token) === null) throw new Error('A token did not come out well formed.');
  return token;
}
