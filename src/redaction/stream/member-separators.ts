import { JsonError } from './json-error';
import { COMMA, OPEN_OBJECT, SPACE } from './json-tables';
import type { Frame } from './open-container';
import type { OutputBuffer } from './output-buffer';

const NONE = -1;

/** Where white space begins that ends at `at`. */
function behindSpace(bytes: Buffer, at: number): number {
  let i = at;
  while (i > 0 && SPACE[bytes[i - 1]!] === 1) i--;
  return i;
}

/**
 * Puts right what stands between the members of an object of which only some stay: a member that goes takes the white
 * space and the comma around it along, so that what stays reads as if the others had never been there, indentation
 * included.
 */
export class MemberSeparators {
  readonly #output: OutputBuffer;
  readonly #maxBytes: number;
  /** The first byte that is undecided, if the bytes have ended in between. */
  #mark = NONE;

  constructor(output: OutputBuffer, maxBytes: number) {
    this.#output = output;
    this.#maxBytes = maxBytes;
  }

  reset(): void {
    this.#mark = NONE;
  }

  /** A name was read, from its quote at `name` to `end`, whose member stays or goes. */
  decide(frame: Frame, bytes: Buffer, name: number, end: number, stays: boolean): void {
    const output = this.#output;
    const behind = behindSpace(bytes, name);
    // The first member has the bracket in front of it, which stays in any case.
    const first = bytes[behind - 1] !== COMMA;
    const from = first ? behind : behind - 1;
    if (output.open) {
      this.#limit(from, end);
      if (!stays) output.pause(from);
    } else {
      this.#limit(behindSpace(bytes, from), end);
      // The comma is needed only behind a member that stayed.
      if (stays) output.resume(frame.kept ? from : from + 1);
    }
    if (stays) frame.kept = true;
    this.#mark = NONE;
  }

  /** The closing bracket was read. After members that went, the white space in front of it is its indentation. */
  closed(frame: Frame, bytes: Buffer, at: number): void {
    const behind = behindSpace(bytes, at);
    const open = this.#output.open;
    if (!open || behind === 0 || bytes[behind - 1] === OPEN_OBJECT) this.#limit(behind, at);
    if (!open) this.#output.resume(frame.kept ? behind : at);
    this.#mark = NONE;
  }

  /**
   * The bytes end at or inside a separator, or inside a name that begins at `at`.
   *
   * @param comma - whether there has been a comma, or it is the first member that is to come
   * @returns the index from which on they are needed again; `end`: not at all
   */
  neededFrom(bytes: Buffer, at: number, end: number, comma: boolean): number {
    if (this.#mark === NONE) {
      // White space behind a member that stays, stays.
      if (this.#output.open && !comma) return end;
      const behind = behindSpace(bytes, at);
      const from = bytes[behind - 1] === COMMA ? behind - 1 : behind;
      this.#mark = this.#output.open ? from : behindSpace(bytes, from);
    }
    this.#limit(this.#mark, end);
    return this.#mark;
  }

  #limit(from: number, to: number): void {
    if (to - from > this.#maxBytes) throw new JsonError(`a member name of more than ${this.#maxBytes} bytes`, from);
  }

  /** The bytes before `by` are gone. */
  rebase(by: number): void {
    if (this.#mark !== NONE) this.#mark -= by;
  }
}
