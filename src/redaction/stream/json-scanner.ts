import { JSON_ERRORS, JsonError } from './json-error';
import { NUMBER_ENDS } from './json-tables';
import { sharedMachine } from './wasm/machine';

// States: the token that is expected next, or the one being read. The others are in scanner.wat.
const IN_NAME = 1;
const AT_NEXT = 2;
const AT_NAME = 3;
const AT_VALUE = 5;
const AT_FIRST_NAME = 6;
const IN_NUMBER = 8;
const IN_ESCAPE = 10;
const DONE = 12;

// Indices into the state of the machine: see scanner.wat.
const STATE = 0;
const DEPTH = 1;
/** The value that was begun has ended when no more than this number of levels is open. */
const FLOOR = 2;
/** The depth at which names are watched. */
const WATCHED = 3;
/** Which names may be looked for: see {@link nameBit}. */
const MASK = 4;
const NAME_AT = 5;
const ESCAPED = 6;
/** In an escape: the state of the string around it. */
const AROUND = 7;
const NUMBER = 9;
const MAX_DEPTH = 12;
const MAX_NAME = 13;
const WHY = 14;

// Reasons why the machine stopped before the end of the bytes.
const ENDED = 1;
const STOPPED = 2;
const FAULT = 16;
const TOO_DEEP = 25;
const NAME_TOO_LONG = 26;

/** The states in between two members, as bits. */
const BETWEEN = (1 << IN_NAME) | (1 << AT_NEXT) | (1 << AT_NAME) | (1 << AT_FIRST_NAME);

/** No object's names are watched. */
const NOWHERE = -1;

/**
 * Reads JSON in pieces of any size and checks every byte of it (RFC 8259; UTF-8 is checked elsewhere). It builds
 * no values: its state is a position in the grammar, and one byte per level of nesting.
 *
 * It can watch the member names of one object, and stops behind each that may be one of the configured names.
 *
 * The bytes are read by one machine in WebAssembly, which scanners take turns to use.
 */
export class Scanner {
  /** Whether what was begun has ended. */
  done = true;
  /** Whether it stopped behind a name that is watched. */
  stopped = false;
  /** Where the name begins, behind its quote. */
  nameAt = 0;
  readonly #machine = sharedMachine();
  /** The state, and 1 for each open object and 0 for each array, by depth: the machine's while it is used. */
  #state: Int32Array = new Int32Array(16);
  #kinds: Uint8Array = new Uint8Array(64);

  constructor(maxDepth: number, maxName: number) {
    this.#state[STATE] = DONE;
    this.#state[MAX_DEPTH] = maxDepth;
    this.#state[MAX_NAME] = maxName;
  }

  /** Objects and arrays open. */
  get depth(): number {
    return this.#state[DEPTH]!;
  }

  set depth(depth: number) {
    this.#state[DEPTH] = depth;
  }

  /** Whether there are escapes in the name. */
  get escaped(): boolean {
    return this.#state[ESCAPED] !== 0;
  }

  /** The bytes given from now on are others, even if they lie in the same place. */
  fresh(): void {
    if (this.#machine.user === this) this.#machine.unload();
  }

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
    const own = this.#state;
    own[STATE] = state;
    own[FLOOR] = floor;
    own[WATCHED] = watched;
    own[MASK] = mask;
    own[ESCAPED] = 0;
    this.done = false;
    this.stopped = false;
  }

  /** Opens an object (1) or array (0). */
  open(kind: number, at: number): void {
    const depth = this.depth + 1;
    if (depth > this.#state[MAX_DEPTH]!) this.#fail(TOO_DEEP, at);
    this.depth = depth;
    if (depth >= this.#kinds.length) {
      const grown = new Uint8Array(this.#kinds.length * 2);
      grown.set(this.#kinds);
      this.#kinds = grown;
    }
    this.#kinds[depth] = kind;
  }

  /** Restores a stack of open objects (1) and arrays (0). The outermost must not have been closed since. */
  restore(kinds: readonly number[]): void {
    this.depth = kinds.length;
    this.#kinds.set(kinds, 1);
  }

  /** The bytes end: a number may end with them. */
  finish(at: number): void {
    const state = this.#state;
    const isNumber = state[STATE] === IN_NUMBER && state[DEPTH]! <= state[FLOOR]!;
    if (isNumber && NUMBER_ENDS[state[NUMBER]!] === 1) this.done = true;
    if (!this.done) throw new JsonError('it ends too early', at);
  }

  /** A name that is watched may not go on to here. */
  limitName(to: number): void {
    if (to - this.nameAt > this.#state[MAX_NAME]!) this.#fail(NAME_TOO_LONG, to);
  }

  /** Whether it is at or inside a name that is watched, or at what separates one from the value before. */
  get between(): boolean {
    return !this.done && this.depth === this.#state[WATCHED] && (BETWEEN >> this.#place) % 2 === 1;
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
    const state = this.#state[STATE]!;
    return state >= IN_ESCAPE ? this.#state[AROUND]! : state;
  }

  /**
   * Reads on in `bytes` from `at`, until what was begun has ended (`done`), or behind a name that is watched (`stopped`;
   * call again to go on), or up to `end`.
   *
   * @returns the index at which it stopped
   */
  skip(bytes: Buffer, at: number, end: number): number {
    const machine = this.#machine;
    if (machine.user !== this) this.#take();
    const state = this.#state;
    this.stopped = false;
    let i = at;
    while (i < end) {
      if (i < machine.from || i >= machine.to) machine.load(bytes, i, end);
      const { shift } = machine;
      state[NAME_AT] = this.nameAt + shift;
      i = machine.skip(i + shift, Math.min(end, machine.to) + shift) - shift;
      this.nameAt = state[NAME_AT]! - shift;
      const why = state[WHY]!;
      if (why === 0) continue;
      this.done = why === ENDED;
      this.stopped = why === STOPPED;
      if (why >= FAULT) this.#fail(why, i);
      return i;
    }
    return end;
  }

  #fail(why: number, at: number): never {
    const state = this.#state;
    if (why === TOO_DEEP) throw new JsonError(`more than ${state[MAX_DEPTH]} objects and arrays in one another`, at);
    if (why === NAME_TOO_LONG) throw new JsonError(`a member name of more than ${state[MAX_NAME]} bytes`, this.nameAt);
    throw new JsonError(JSON_ERRORS[why - FAULT]!, at);
  }

  /** Moves in. Two filters take turns, and even one may be used from inside another's `featuresFor`. */
  #take(): void {
    const machine = this.#machine;
    if (machine.user instanceof Scanner) machine.user.#release();
    machine.user = this;
    machine.unload();
    machine.state.set(this.#state);
    machine.kinds.set(this.#kinds.subarray(0, this.depth + 1));
    this.#state = machine.state;
    this.#kinds = machine.kinds;
  }

  #release(): void {
    this.#state = this.#state.slice();
    this.#kinds = this.#kinds.slice(0, Math.max(64, this.depth + 1));
  }
}
