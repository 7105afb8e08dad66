import { isIgnorable } from '../path-matcher';
import { OPEN_LIST, OPEN_OBJECT, QUOTE } from './json-tables';

const IDLE = 0;
const BEFORE = 1;
const BLANK = 2;
const ESCAPE = 3;
const UNICODE = 4;
const WIDE = 5;

const BACKSLASH = 0x5c;
const U = 0x75;
/** `\n`, `\r`, `\t`, `\b`, `\f`: blank once they are read. */
const BLANK_ESCAPES = new Set(Buffer.from('nrtbf'));

function opens(character: number): boolean {
  return character === OPEN_OBJECT || character === OPEN_LIST || character === QUOTE;
}

/** Sees whether a string in JSON text begins like JSON itself, in however many pieces and in whichever spelling it comes. */
export class NestedJsonDetector {
  #state = IDLE;
  #code = 0;
  #digits = 0;
  /** Bytes of a character above ASCII still to come. */
  #more = 0;

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
      case WIDE:
        this.#code = this.#code * 64 + (byte & 0x3f);
        this.#more--;
        return this.#more === 0 && this.#read(this.#code);
      default:
        if (byte >= 0x80) this.#beginWide(byte);
        else if (byte === BACKSLASH) this.#state = ESCAPE;
        else if (byte === QUOTE) this.#state = IDLE;
        else return this.#read(byte);
        return false;
    }
  }

  /** Nothing above three bytes is blank. */
  #beginWide(lead: number): void {
    this.#state = lead < 0xf0 ? WIDE : IDLE;
    this.#more = lead < 0xe0 ? 1 : 2;
    this.#code = lead & (lead < 0xe0 ? 0x1f : 0x0f);
  }

  #read(character: number): boolean {
    this.#state = isIgnorable(character) ? BLANK : IDLE;
    return opens(character);
  }
}
