import { Fault } from './fault';
import * as tables from './tables';

// Read once: asking a module's object for them in the loop makes it four times as slow.
const { SPACE, STOP, ESCAPES, HEX_DIGITS, NUMBERS, NUMBER_START, NUMBER_ENDS } = tables;
const { QUOTE, COMMA, COLON, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT } = tables;

// What is expected next, or what the scanner is in the middle of. Strings come first: they are most of all bytes.
const IN_STRING = 0;
const IN_KEY = 1;
const AT_NEXT = 2;
const AT_KEY = 3;
const AT_COLON = 4;
const AT_VALUE = 5;
const AT_FIRST_KEY = 6;
const AT_FIRST_VALUE = 7;
const IN_NUMBER = 8;
const IN_WORD = 9;
const IN_ESCAPE = 10;
const IN_HEX = 11;
const DONE = 12;

/** The words of RFC 8259 section 3, by their first byte. */
const WORDS: Readonly<Record<number, Uint8Array>> = {
  116: Buffer.from('true'),
  102: Buffer.from('false'),
  110: Buffer.from('null'),
};

const NO_WORD = new Uint8Array(0);

/**
 * Reads one JSON value after the other, in pieces of any size, and checks every byte of them (RFC 8259; UTF-8 is checked
 * elsewhere). It builds nothing: all it remembers is where in the grammar it is, and one byte per level of nesting.
 */
export class Scanner {
  /** Objects and arrays open. The caller counts its own here, too. */
  depth = 0;
  /** 1 for an object, 0 for an array, by depth. */
  kinds: Uint8Array = new Uint8Array(64);
  /** Whether the value is complete. */
  done = true;
  /** Whether there was an escape in the strings since `begin`. */
  escaped = false;
  readonly #maxDepth: number;
  #state = DONE;
  #floor = 0;
  /** In an escape: the state of the string around it. */
  #around = IN_STRING;
  /** Hexadecimal digits still to come. */
  #digits = 0;
  #number = 0;
  #word: Uint8Array = NO_WORD;
  #letter = 0;

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  /** A value is to come. It ends when no more than `floor` levels are open. */
  begin(floor: number): void {
    this.#state = AT_VALUE;
    this.#floor = floor;
    this.done = false;
    this.escaped = false;
  }

  /** Notes that an object or array was opened. */
  open(kind: number, at: number): void {
    const depth = ++this.depth;
    if (depth > this.#maxDepth)
      throw new Fault(`more than ${this.#maxDepth} objects and arrays inside one another`, at);
    if (depth >= this.kinds.length) {
      const grown = new Uint8Array(this.kinds.length * 2);
      grown.set(this.kinds);
      this.kinds = grown;
    }
    this.kinds[depth] = kind;
  }

  /** The body is over: a number may end with it. */
  finish(at: number): void {
    if (this.#state === IN_NUMBER && NUMBER_ENDS[this.#number] === 1) this.done = true;
    if (!this.done) throw new Fault('it ends too early', at);
  }

  /**
   * Reads on in `bytes` from `at`, up to the end of the value or of the bytes.
   *
   * @returns where it stopped: after the value if `done`, else `end`
   */
  skip(bytes: Uint8Array, at: number, end: number): number {
    let i = at;
    let state = this.#state;
    while (i < end) {
      if (state <= IN_KEY) {
        // Four at a time: this loop is where a filter spends its life.
        const four = end - 3;
        let stopped = false;
        while (i < four) {
          if (STOP[bytes[i]!] !== 0) {
            stopped = true;
            break;
          }
          if (STOP[bytes[i + 1]!] !== 0) {
            i += 1;
            stopped = true;
            break;
          }
          if (STOP[bytes[i + 2]!] !== 0) {
            i += 2;
            stopped = true;
            break;
          }
          if (STOP[bytes[i + 3]!] !== 0) {
            i += 3;
            stopped = true;
            break;
          }
          i += 4;
        }
        if (!stopped) {
          while (i < end && STOP[bytes[i]!] === 0) i++;
          if (i === end) break;
        }
        const byte = bytes[i++]!;
        if (byte === QUOTE) {
          if (state === IN_KEY) {
            state = AT_COLON;
          } else {
            state = AT_NEXT;
            if (this.depth <= this.#floor) return this.#end(i);
          }
        } else if (byte === BACKSLASH) {
          this.escaped = true;
          this.#around = state;
          state = IN_ESCAPE;
        } else {
          throw new Fault('a control character in a string', i - 1);
        }
        continue;
      }
      const byte = bytes[i]!;
      if (state <= AT_FIRST_VALUE) {
        if (SPACE[byte] === 1) {
          i++;
          continue;
        }
        switch (state) {
          case AT_NEXT:
            if (byte === COMMA) {
              state = this.kinds[this.depth] === 1 ? AT_KEY : AT_VALUE;
            } else if (byte === (this.kinds[this.depth] === 1 ? CLOSE_OBJECT : CLOSE_LIST)) {
              this.depth--;
              if (this.depth <= this.#floor) return this.#end(i + 1);
            } else {
              throw new Fault('a comma or the right closing bracket is expected', i);
            }
            break;
          case AT_FIRST_KEY:
          case AT_KEY:
            if (byte === QUOTE) {
              state = IN_KEY;
            } else if (byte === CLOSE_OBJECT && state === AT_FIRST_KEY) {
              this.depth--;
              state = AT_NEXT;
              if (this.depth <= this.#floor) return this.#end(i + 1);
            } else {
              throw new Fault('a member name is expected', i);
            }
            break;
          case AT_COLON:
            if (byte !== COLON) throw new Fault('a colon is expected', i);
            state = AT_VALUE;
            break;
          default:
            if (byte === QUOTE) {
              state = IN_STRING;
            } else if (byte === OPEN_OBJECT) {
              this.open(1, i);
              state = AT_FIRST_KEY;
            } else if (byte === OPEN_LIST) {
              this.open(0, i);
              state = AT_FIRST_VALUE;
            } else if (byte === CLOSE_LIST && state === AT_FIRST_VALUE) {
              this.depth--;
              state = AT_NEXT;
              if (this.depth <= this.#floor) return this.#end(i + 1);
            } else if (NUMBERS[(NUMBER_START << 8) | byte] !== 0) {
              this.#number = NUMBER_START;
              state = IN_NUMBER;
              continue;
            } else {
              const word = WORDS[byte];
              if (word === undefined) throw new Fault('a value is expected', i);
              this.#word = word;
              this.#letter = 1;
              state = IN_WORD;
            }
        }
        i++;
        continue;
      }
      switch (state) {
        case IN_NUMBER: {
          let number = this.#number;
          while (i < end) {
            const next = NUMBERS[(number << 8) | bytes[i]!]!;
            if (next === 0) break;
            number = next;
            i++;
          }
          this.#number = number;
          if (i === end) break;
          if (NUMBER_ENDS[number] === 0) throw new Fault('a number is broken off', i);
          state = AT_NEXT;
          if (this.depth <= this.#floor) return this.#end(i);
          break;
        }
        case IN_WORD:
          if (byte !== this.#word[this.#letter]) throw new Fault('a value is expected', i);
          i++;
          if (++this.#letter === this.#word.length) {
            state = AT_NEXT;
            if (this.depth <= this.#floor) return this.#end(i);
          }
          break;
        case IN_ESCAPE: {
          const kind = ESCAPES[byte];
          if (kind === 0) throw new Fault('an unknown escape in a string', i);
          i++;
          if (kind === 2) this.#digits = 4;
          state = kind === 2 ? IN_HEX : this.#around;
          break;
        }
        default:
          if (HEX_DIGITS[byte] === 0) throw new Fault('a broken \\u escape in a string', i);
          i++;
          if (--this.#digits === 0) state = this.#around;
      }
    }
    this.#state = state;
    return end;
  }

  #end(at: number): number {
    this.#state = DONE;
    this.done = true;
    return at;
  }
}
