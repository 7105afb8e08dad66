import { JsonError } from './json-error';
import { NUMBER_ENDS } from './json-tables';

// States: the token that is expected next, or the one being read. Strings come first, because most bytes are in strings.
export const IN_STRING = 0;
export const IN_NAME = 1;
export const AT_NEXT = 2;
export const AT_NAME = 3;
export const AT_COLON = 4;
export const AT_VALUE = 5;
export const AT_FIRST_NAME = 6;
export const AT_FIRST_VALUE = 7;
export const IN_NUMBER = 8;
export const IN_WORD = 9;
export const IN_ESCAPE = 10;
export const IN_HEX = 11;
const DONE = 12;

/** The states in between two members, as bits. */
const BETWEEN = (1 << IN_NAME) | (1 << AT_NEXT) | (1 << AT_NAME) | (1 << AT_FIRST_NAME);

/** No object's names are watched. */
const NOWHERE = -1;

/**
 * Reads JSON in pieces of any size and checks every byte of it (RFC 8259; UTF-8 is checked elsewhere). It builds
 * no values: its state is a position in the grammar, and one byte per level of nesting.
 *
 * It can watch the member names of one object, and stops behind each that may be one of the configured names.
 */
export abstract class Scanner {
  /** Objects and arrays open. */
  depth = 0;
  /** Whether what was begun has ended. */
  done = true;
  /** Whether it stopped behind a name that is watched. */
  stopped = false;
  /** Where the name begins, behind its quote. */
  nameAt = 0;
  /** Whether there are escapes in it. */
  escaped = false;
  protected readonly maxDepth: number;
  protected readonly maxName: number;
  /** 1 for an object, 0 for an array, by depth. */
  protected kinds: Uint8Array = new Uint8Array(64);
  protected state = DONE;
  /** The value that was begun has ended when no more than this number of levels is open. */
  protected floor = 0;
  /** The depth at which names are watched. */
  protected watched = NOWHERE;
  /** Which names may be looked for: see {@link nameBit}. */
  protected mask = 0;
  /** In an escape: the state of the string around it. */
  protected around = IN_STRING;
  /** Hexadecimal digits still to come. */
  protected digits = 0;
  /** A row of the table of numbers. */
  protected number = 0;
  /** Which of the words `true`, `false` and `null`, by number. */
  protected word = 0;
  /** How many letters of the word have been read. */
  protected letter = 0;

  constructor(maxDepth: number, maxName: number) {
    this.maxDepth = maxDepth;
    this.maxName = maxName;
  }

  /** The bytes given from now on are others, even if they lie in the same place. */
  fresh(): void {}

  /** A value is to come, which is read to its end. */
  begin(): void {
    this.#start(AT_VALUE, this.depth, NOWHERE, 0);
  }

  /** An object was opened, and is read to its end. */
  enter(mask: number): void {
    this.#start(AT_FIRST_NAME, this.depth - 1, this.depth, mask);
  }

  /** A member's value has been read, and the object it is in is read on to its end. */
  resume(mask: number): void {
    this.#start(AT_NEXT, this.depth - 1, this.depth, mask);
  }

  /** A value is to come, somewhere inside the object open at `depth`, which is read on to its end. */
  seek(depth: number, mask: number): void {
    this.#start(AT_VALUE, depth - 1, depth, mask);
  }

  #start(state: number, floor: number, watched: number, mask: number): void {
    this.state = state;
    this.floor = floor;
    this.watched = watched;
    this.mask = mask;
    this.done = false;
    this.stopped = false;
    this.escaped = false;
  }

  /** Opens an object (1) or array (0). */
  open(kind: number, at: number): void {
    const depth = this.depth + 1;
    if (depth > this.maxDepth) this.refuseDepth(at);
    this.depth = depth;
    if (depth >= this.kinds.length) {
      const grown = new Uint8Array(this.kinds.length * 2);
      grown.set(this.kinds);
      this.kinds = grown;
    }
    this.kinds[depth] = kind;
  }

  /** Restores a stack of open objects (1) and arrays (0). The outermost must not have been closed since. */
  restore(kinds: readonly number[]): void {
    this.depth = kinds.length;
    this.kinds.set(kinds, 1);
  }

  /** The bytes end: a number may end with them. */
  finish(at: number): void {
    if (this.state === IN_NUMBER && this.depth <= this.floor && NUMBER_ENDS[this.number] === 1) this.done = true;
    if (!this.done) throw new JsonError('it ends too early', at);
  }

  protected refuseDepth(at: number): never {
    throw new JsonError(`more than ${this.maxDepth} objects and arrays in one another`, at);
  }

  /** A name that is watched may not go on to here. */
  limitName(to: number): void {
    if (to - this.nameAt > this.maxName) this.refuseName();
  }

  protected refuseName(): never {
    throw new JsonError(`a member name of more than ${this.maxName} bytes`, this.nameAt);
  }

  /** Whether it is at or inside a name that is watched, or at what separates one from the value before. */
  get between(): boolean {
    return !this.done && this.depth === this.watched && (BETWEEN >> this.#place) % 2 === 1;
  }

  /** Whether, in between, a name is to come or has begun. */
  get beforeName(): boolean {
    return this.#place !== AT_NEXT;
  }

  /** Where, in between, the name begins that has not ended yet; -1: none has begun. */
  get pendingName(): number {
    return this.#place === IN_NAME ? this.nameAt : -1;
  }

  get #place(): number {
    return this.state >= IN_ESCAPE ? this.around : this.state;
  }

  /**
   * Reads on in `bytes` from `at`, until what was begun has ended (`done`), or behind a name that is watched (`stopped`;
   * call again to go on), or up to `end`.
   *
   * @returns the index at which it stopped
   */
  abstract skip(bytes: Buffer, at: number, end: number): number;

  /** The value that was begun has ended. */
  protected end(at: number): number {
    this.state = DONE;
    this.done = true;
    return at;
  }
}
