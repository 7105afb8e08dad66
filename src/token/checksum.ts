import { CHECKSUM_LENGTH, toBase62 } from './format';

/**
 * CRC-32 as in zlib and PNG (ISO 3309, reflected polynomial 0xEDB88320), over ASCII text. `zlib.crc32` only exists from
 * Node 20.15 and 22.2, and wants a call into C++ for each of these short texts.
 */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** The state before the first character. */
export const CRC_START = -1;

/** The state after one more character, by its code (0–127). */
export function crcStep(state: number, code: number): number {
  return (TABLE[(state ^ code) & 0xff] as number) ^ (state >>> 8);
}

/** The state after more text. */
export function crcText(state: number, text: string): number {
  let crc = state;
  for (let index = 0; index < text.length; index++) crc = crcStep(crc, text.charCodeAt(index));
  return crc;
}

/** The checksum that a state comes to: an unsigned 32-bit number. */
export function crcEnd(state: number): number {
  return ~state >>> 0;
}

/** The checksum of text, as it stands at the end of a token. */
export function checksumOf(text: string): string {
  return toBase62(crcEnd(crcText(CRC_START, text)), CHECKSUM_LENGTH);
}
