import { CHECKSUM_LENGTH, toBase62 } from './format';

/**
 * CRC-32 as in zlib and PNG (ISO 3309, reflected polynomial 0xEDB88320) over ASCII strings. Not `zlib.crc32`: parsing a
 * token with it takes 0.2 µs longer on Node 22 to 26, and 0.5 µs longer on Node 20, on every request.
 */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** State before the first character. */
export const CRC_START = -1;

/** State after one more character, given by its code (0–127). */
export function crcStep(state: number, code: number): number {
  return (TABLE[(state ^ code) & 0xff] as number) ^ (state >>> 8);
}

/** State after more characters. */
export function crcText(state: number, text: string): number {
  let crc = state;
  for (let index = 0; index < text.length; index++) crc = crcStep(crc, text.charCodeAt(index));
  return crc;
}

/** Checksum of a state: an unsigned 32-bit number. */
export function crcEnd(state: number): number {
  return ~state >>> 0;
}

/** Checksum of a string, in the form that ends a token. */
export function checksumOf(text: string): string {
  return toBase62(crcEnd(crcText(CRC_START, text)), CHECKSUM_LENGTH);
}
