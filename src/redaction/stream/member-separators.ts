import type { NameTable } from '../member-name-table';
import type { PathState } from '../path-matcher';
import { JsonError } from './json-error';
import type { Scanner } from './json-scanner';
import { COMMA, OPEN_OBJECT, SPACE } from './json-tables';
import type { OutputBuffer } from './output-buffer';

const NONE = -1;

/** An object or array that the paths lead into. */
export interface Frame {
  readonly position: PathState;
  readonly list: boolean;
  /** Of which members only these stay; `null`: all. */
  readonly names: NameTable<true> | null;
  /** Whether a member has been kept, if not all are. */
  kept: boolean;
  /** Whether the member that names the project has been found. */
  projectSeen: boolean;
}

/** Where white space begins that ends at `at`. */
function behindSpace(bytes: Buffer, at: number): number {
  let i = at;
  while (i > 0 && SPACE[bytes[i - 1]!] === 1) i--;
  return i;
}

/**
 * Writes the separators of an object from which members are dropped. A dropped member takes a comma and its white space
 * along, so that the result looks as if it had never been there, indentation included.
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

  /** Index of the first byte that is needed again when the bytes end in an object; `end` if none is. */
  neededFrom(frame: Frame, scanner: Scanner, bytes: Buffer, end: number): number {
    if (!scanner.between) return end;
    const name = scanner.pendingName;
    if (frame.names === null) {
      if (name >= 0) scanner.limitName(end);
      return name < 0 ? end : name;
    }
    if (this.#mark === NONE) {
      // White space after a member that is kept is kept, unless there was a comma, or the first member is next.
      if (this.#output.open && !scanner.beforeName) return end;
      const behind = behindSpace(bytes, name < 0 ? end : name - 1);
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
