import { OPEN_LIST, OPEN_OBJECT, QUOTE, SPACE } from './tables';

const IDLE = 0;
const BEFORE = 1;
const BLANK = 2;
const ESCAPE = 3;
const UNICODE = 4;

const BACKSLASH = 0x5c;
const U = 0x75;
/** `\n`, `\r`, `\t`: blank once they are read. */
const BLANK_ESCAPES = new Set(Buffer.from('nrt'));

function opens(character: number): boolean {
  return character === OPEN_OBJECT || character === OPEN_LIST || character === QUOTE;
}

/** Sees whether a string in JSON text begins like JSON itself, in however many pieces and in whichever spelling it comes. */
export class Opening {
  #state = IDLE;
  #code = 0;
  #digits = 0;

  /** Whether it is still to be found out. */
  get open(): boolean {
    return this.#state !== IDLE;
  }

  /** A value begins with a quote. */
  begin(): void {
    this.#state = BEFORE;
  }

  reset(): void {
    this.#state = IDLE;
  }

  /**
   * Reads the next bytes of the value, which are valid as far as they go.
   *
   * @returns where it turned out that it looks like JSON; -1: it has not
   */
  read(bytes: Uint8Array, from: number, to: number): number {
    for (let i = from; i < to && this.#state !== IDLE; i++) {
      if (this.#next(bytes[i]!)) return i;
    }
    return -1;
  }

  #next(byte: number): boolean {
    switch (this.#state) {
      case BEFORE:
        this.#state = BLANK;
        return false;
      case ESCAPE:
        if (byte === QUOTE) return true;
        this.#state = BLANK_ESCAPES.has(byte) ? BLANK : byte === U ? UNICODE : IDLE;
        this.#code = this.#digits = 0;
        return false;
      case UNICODE:
        this.#code = this.#code * 16 + Number.parseInt(String.fromCharCode(byte), 16);
        this.#digits++;
        return this.#digits === 4 && this.#read(this.#code);
      default:
        if (byte !== BACKSLASH && byte !== QUOTE) return this.#read(byte);
        this.#state = byte === BACKSLASH ? ESCAPE : IDLE;
        return false;
    }
  }

  #read(character: number): boolean {
    this.#state = character < SPACE.length && SPACE[character] === 1 ? BLANK : IDLE;
    return opens(character);
  }
}
