import { decodeString } from '../member-name-table';
import { isJsonWithName } from '../nested-json';
import { isIgnorable, NESTED_JSON } from '../path-matcher';
import { JsonError } from './json-error';
import { BACKSLASH, OPEN_LIST, OPEN_OBJECT, QUOTE } from './json-tables';

const IDLE = 0;
const BEFORE = 1;
const BLANK = 2;
const ESCAPE = 3;
const UNICODE = 4;
const WIDE = 5;
/** The string begins like JSON, and is held back until its end shows whether it is. */
const HOLDING = 6;

const U = 0x75;
/** `\n`, `\r`, `\t`, `\b`, `\f`: ignorable once they are decoded. */
const BLANK_ESCAPES = new Set(Buffer.from('nrtbf'));

function opens(character: number): boolean {
  return character === OPEN_OBJECT || character === OPEN_LIST || character === QUOTE;
}

/** Detects strings in JSON text that are JSON with a configured name, in any number of pieces and in any spelling. */
export class NestedJsonDetector {
  readonly #names: ReadonlySet<string>;
  readonly #maxHeld: number;
  #state = IDLE;
  #code = 0;
  #digits = 0;
  /** Bytes still to come of a character above ASCII. */
  #more = 0;
  /** Start of the escape that is being read, or of the string's first character that is not ignorable. */
  #from = 0;

  constructor(names: ReadonlySet<string>, maxHeld: number) {
    this.#names = names;
    this.#maxHeld = maxHeld;
  }

  /** Whether the string's first character is still to come. */
  get reading(): boolean {
    return this.#state !== IDLE && this.#state !== HOLDING;
  }

  /** A value begins with a quote. */
  begin(): void {
    this.#state = BEFORE;
  }

  reset(): void {
    this.#state = IDLE;
  }

  /** Reads the next bytes of the value, which are valid so far. */
  read(bytes: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to && this.reading; i++) this.#next(bytes[i]!, i);
  }

  /**
   * The value has ended.
   *
   * @throws JsonError if the string is JSON with a configured name
   */
  end(bytes: Buffer, at: number): void {
    const held = this.#state === HOLDING;
    this.#state = IDLE;
    if (!held) return;
    this.#limit(at);
    if (isJsonWithName(decodeString(bytes, this.#from, at - 1), this.#names)) throw new JsonError(NESTED_JSON, at);
  }

  /** The index from which on bytes are needed again when the next piece arrives; `end` if none are. */
  neededFrom(end: number): number {
    if (this.#state === HOLDING) this.#limit(end);
    return this.#state === HOLDING || this.#state === ESCAPE || this.#state === UNICODE ? this.#from : end;
  }

  /** The bytes before `by` are gone. */
  rebase(by: number): void {
    this.#from -= by;
  }

  #limit(end: number): void {
    if (end - this.#from <= this.#maxHeld) return;
    throw new JsonError(`a string that may be JSON has more than ${this.#maxHeld} bytes`, this.#from);
  }

  #next(byte: number, at: number): void {
    switch (this.#state) {
      case BEFORE:
        this.#state = BLANK;
        return;
      case ESCAPE:
        if (byte === QUOTE) this.#state = HOLDING;
        else this.#state = BLANK_ESCAPES.has(byte) ? BLANK : byte === U ? UNICODE : IDLE;
        this.#code = this.#digits = 0;
        return;
      case UNICODE:
        this.#code = this.#code * 16 + Number.parseInt(String.fromCharCode(byte), 16);
        this.#digits++;
        if (this.#digits === 4) this.#decide(this.#code);
        return;
      case WIDE:
        this.#code = this.#code * 64 + (byte & 0x3f);
        this.#more--;
        if (this.#more === 0) this.#decide(this.#code);
        return;
      default:
        this.#from = at;
        if (byte >= 0x80) this.#beginWide(byte);
        else if (byte === BACKSLASH) this.#state = ESCAPE;
        else if (byte === QUOTE) this.#state = IDLE;
        else this.#decide(byte);
    }
  }

  /** No character of more than three bytes is ignorable. */
  #beginWide(lead: number): void {
    this.#state = lead < 0xf0 ? WIDE : IDLE;
    this.#more = lead < 0xe0 ? 1 : 2;
    this.#code = lead & (lead < 0xe0 ? 0x1f : 0x0f);
  }

  #decide(character: number): void {
    this.#state = opens(character) ? HOLDING : isIgnorable(character) ? BLANK : IDLE;
  }
}
