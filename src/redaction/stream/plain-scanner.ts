import { nameBit } from '../member-name-table';
import * as faults from './json-error';
import * as scanner from './json-scanner';
import * as tables from './json-tables';

// Read once: asking a module's object for them in the loop makes it four times as slow.
const { SPACE, STOP, ESCAPES, HEX_DIGITS, NUMBERS, NUMBER_START, NUMBER_ENDS, WORDS, WORD_STARTS } = tables;
const { QUOTE, COMMA, COLON, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT } = tables;
const { IN_STRING, IN_NAME, AT_NEXT, AT_NAME, AT_COLON, AT_VALUE, AT_FIRST_NAME, AT_FIRST_VALUE } = scanner;
const { IN_NUMBER, IN_WORD, IN_ESCAPE, IN_HEX } = scanner;

/** The scanner in JavaScript. */
export class PlainScanner extends scanner.Scanner {
  skip(bytes: Buffer, at: number, end: number): number {
    let i = at;
    let state = this.state;
    let inObject = this.kinds[this.depth] === 1;
    this.stopped = false;
    while (i < end) {
      if (state <= IN_NAME) {
        // Eight at a time: a filter spends most of its time in this loop.
        for (const last = end - 8; i <= last; i++) {
          if (
            STOP[bytes[i]!] !== 0 ||
            STOP[bytes[++i]!] !== 0 ||
            STOP[bytes[++i]!] !== 0 ||
            STOP[bytes[++i]!] !== 0 ||
            STOP[bytes[++i]!] !== 0 ||
            STOP[bytes[++i]!] !== 0 ||
            STOP[bytes[++i]!] !== 0 ||
            STOP[bytes[++i]!] !== 0
          ) {
            break;
          }
        }
        while (i < end && STOP[bytes[i]!] === 0) i++;
        if (i === end) break;
        const byte = bytes[i++]!;
        if (byte === QUOTE) {
          if (state === IN_NAME) {
            state = AT_COLON;
            if (this.depth === this.watched && this.#isWatched(bytes, i - 1)) {
              this.state = state;
              this.stopped = true;
              return i;
            }
            // A colon and a string nearly always follow, so they are tried here before the general case.
            if (i < end && bytes[i] === COLON) {
              state = AT_VALUE;
              if (++i < end && bytes[i] === QUOTE) {
                state = IN_STRING;
                i++;
              }
            }
          } else {
            state = AT_NEXT;
            if (this.depth <= this.floor) return this.end(i);
            if (inObject && i + 1 < end && bytes[i] === COMMA && bytes[i + 1] === QUOTE) {
              state = IN_NAME;
              i += 2;
              this.nameAt = i;
              this.escaped = false;
            }
          }
        } else if (byte === BACKSLASH) {
          this.escaped = true;
          this.around = state;
          state = IN_ESCAPE;
        } else {
          throw new faults.JsonError(faults.CONTROL, i - 1);
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
              state = inObject ? AT_NAME : AT_VALUE;
            } else if (byte === (inObject ? CLOSE_OBJECT : CLOSE_LIST)) {
              inObject = this.kinds[--this.depth] === 1;
              if (this.depth <= this.floor) return this.end(i + 1);
            } else {
              throw new faults.JsonError(faults.SEPARATOR, i);
            }
            break;
          case AT_FIRST_NAME:
          case AT_NAME:
            if (byte === QUOTE) {
              state = IN_NAME;
              this.nameAt = i + 1;
              this.escaped = false;
            } else if (byte === CLOSE_OBJECT && state === AT_FIRST_NAME) {
              inObject = this.kinds[--this.depth] === 1;
              state = AT_NEXT;
              if (this.depth <= this.floor) return this.end(i + 1);
            } else {
              throw new faults.JsonError(faults.NAME, i);
            }
            break;
          case AT_COLON:
            if (byte !== COLON) throw new faults.JsonError(faults.COLON, i);
            state = AT_VALUE;
            break;
          default:
            if (byte === QUOTE) {
              state = IN_STRING;
            } else if (byte === OPEN_OBJECT) {
              this.open(1, i);
              inObject = true;
              state = AT_FIRST_NAME;
            } else if (byte === OPEN_LIST) {
              this.open(0, i);
              inObject = false;
              state = AT_FIRST_VALUE;
            } else if (byte === CLOSE_LIST && state === AT_FIRST_VALUE) {
              inObject = this.kinds[--this.depth] === 1;
              state = AT_NEXT;
              if (this.depth <= this.floor) return this.end(i + 1);
            } else if (NUMBERS[(NUMBER_START << 8) | byte] !== 0) {
              this.number = NUMBER_START;
              state = IN_NUMBER;
              continue;
            } else {
              if (WORD_STARTS[byte] === 0) throw new faults.JsonError(faults.VALUE, i);
              this.word = WORD_STARTS[byte]!;
              this.letter = 1;
              state = IN_WORD;
            }
        }
        i++;
        continue;
      }
      switch (state) {
        case IN_NUMBER: {
          let number = this.number;
          while (i < end) {
            const next = NUMBERS[(number << 8) | bytes[i]!]!;
            if (next === 0) break;
            number = next;
            i++;
          }
          this.number = number;
          if (i === end) break;
          if (NUMBER_ENDS[number] === 0) throw new faults.JsonError(faults.NUMBER, i);
          state = AT_NEXT;
          if (this.depth <= this.floor) return this.end(i);
          break;
        }
        case IN_WORD:
          if (byte !== WORDS[this.word]![this.letter]) throw new faults.JsonError(faults.VALUE, i);
          i++;
          if (++this.letter === WORDS[this.word]!.length) {
            state = AT_NEXT;
            if (this.depth <= this.floor) return this.end(i);
          }
          break;
        case IN_ESCAPE: {
          const kind = ESCAPES[byte];
          if (kind === 0) throw new faults.JsonError(faults.ESCAPE, i);
          i++;
          if (kind === 2) this.digits = 4;
          state = kind === 2 ? IN_HEX : this.around;
          break;
        }
        default:
          if (HEX_DIGITS[byte] === 0) throw new faults.JsonError(faults.UNICODE, i);
          i++;
          if (--this.digits === 0) state = this.around;
      }
    }
    this.state = state;
    return end;
  }

  /** Whether the name that ends here may be one of those looked for. */
  #isWatched(bytes: Buffer, end: number): boolean {
    const length = end - this.nameAt;
    if (length > this.maxName) this.refuseName();
    return this.escaped || (this.mask & nameBit(length, bytes[this.nameAt]!)) !== 0;
  }
}
