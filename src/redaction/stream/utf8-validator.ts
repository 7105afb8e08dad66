import { isUtf8 } from 'node:buffer';

/** Up to this many bytes, going through them one by one is quicker than the native call. */
const SMALL = 16;

/**
 * Checks UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF) in pieces that may end inside a
 * character. Its state is the number of bytes to come and the range of the next one. A body that ends inside a
 * character is also inside a string that has not ended, so the scanner reports it.
 */
export class Utf8Validator {
  #missing = 0;
  #low = 0x80;
  #high = 0xbf;

  /** Whether these bytes can come next. */
  accepts(bytes: Uint8Array): boolean {
    let from = 0;
    while (this.#missing > 0 && from < bytes.length) {
      if (!this.#step(bytes[from++]!)) return false;
    }
    let to = bytes.length;
    if (to - from > SMALL) {
      // Leave out the last character, which may be broken off.
      to -= 1;
      while (to > from && (bytes[to]! & 0xc0) === 0x80) to--;
      if (!isUtf8(bytes.subarray(from, to))) return false;
      from = to;
    }
    for (; from < bytes.length; from++) {
      if (!this.#step(bytes[from]!)) return false;
    }
    return true;
  }

  #step(byte: number): boolean {
    if (this.#missing > 0) {
      if (byte < this.#low || byte > this.#high) return false;
      this.#missing--;
      this.#low = 0x80;
      this.#high = 0xbf;
      return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.#low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    return true;
  }
}
