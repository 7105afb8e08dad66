/** Values in one body: twice as many as the largest valid one has. A million members take JSON.parse a second. */
const MAX_VALUES = 5_000;
/** Objects and arrays inside each other. */
const MAX_DEPTH = 32;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Counts the values of a JSON text as its bytes arrive, so that no text is parsed that is expensive to parse. */
export class JsonBounds {
  #values = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** Reads the next bytes. Returns false if the text has too many values, or is nested too deep. */
  accept(bytes: Uint8Array): boolean {
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] as number;
      if (this.#isInString) this.#readInString(byte);
      else if (byte === QUOTE) this.#isInString = true;
      else if (byte === COMMA) this.#values++;
      else if (isOpening(byte)) {
        this.#values++;
        this.#depth++;
      } else if (isClosing(byte)) this.#depth--;
      if (this.#values > MAX_VALUES || this.#depth > MAX_DEPTH) return false;
    }
    return true;
  }

  #readInString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isInString = false;
  }
}

/** `[` or `{` */
function isOpening(byte: number): boolean {
  return byte === 0x5b || byte === 0x7b;
}

/** `]` or `}` */
function isClosing(byte: number): boolean {
  return byte === 0x5d || byte === 0x7d;
}
