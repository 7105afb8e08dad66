import { isUtf8 } from 'node:buffer';

/** Bytes of a character, by the first of them. */
function lengthOf(first: number): number {
  return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/**
 * Checks UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF) in pieces that may end inside a character. Such a
 * character is checked with the next piece. A body that ends inside one is also inside a string that has not ended, so the scanner
 * reports it.
 */
export class Utf8Validator {
  /** The bytes of a character that is broken off. */
  #begun: Uint8Array = Buffer.alloc(0);

  /** Whether these bytes can come next. */
  accepts(bytes: Uint8Array): boolean {
    const all = this.#begun.length > 0 ? Buffer.concat([this.#begun, bytes]) : bytes;
    let last = all.length - 1;
    while (last > 0 && all.length - last < 4 && (all[last]! & 0xc0) === 0x80) last--;
    const isBrokenOff = last >= 0 && all.length - last < lengthOf(all[last]!);
    this.#begun = isBrokenOff ? Buffer.from(all.subarray(last)) : this.#begun.subarray(0, 0);
    return isUtf8(isBrokenOff ? all.subarray(0, last) : all);
  }
}
