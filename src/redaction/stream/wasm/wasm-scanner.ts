import { JSON_ERRORS, JsonError } from '../json-error';
import { IN_NUMBER, Scanner } from '../json-scanner';
import type { Machine } from './machine';

// Where the state lies: see scanner.wat.
const STATE = 0;
const DEPTH = 1;
const FLOOR = 2;
const WATCHED = 3;
const MASK = 4;
const NAME_AT = 5;
const ESCAPED = 6;
const AROUND = 7;
const DIGITS = 8;
const NUMBER = 9;
const WORD = 10;
const LETTER = 11;
const MAX_DEPTH = 12;
const MAX_NAME = 13;
const WHY = 14;

const ENDED = 1;
const STOPPED = 2;
const FAULT = 16;
const TOO_DEEP = 25;
const NAME_TOO_LONG = 26;

/** The scanner in WebAssembly. */
export class WasmScanner extends Scanner {
  readonly #machine: Machine;

  constructor(machine: Machine, maxDepth: number, maxName: number) {
    super(maxDepth, maxName);
    this.#machine = machine;
  }

  override fresh(): void {
    if (this.#machine.user === this) this.#machine.unload();
  }

  skip(bytes: Buffer, at: number, end: number): number {
    const machine = this.#machine;
    if (machine.user !== this) this.#take();
    this.stopped = false;
    let i = at;
    while (i < end) {
      if (i < machine.from || i >= machine.to) machine.load(bytes, i, end);
      i = this.#run(i, Math.min(end, machine.to));
      const why = machine.state[WHY]!;
      if (why === 0) continue;
      if (why === ENDED) return this.end(i);
      if (why === STOPPED) {
        this.stopped = true;
        return i;
      }
      this.#refuse(why, i);
    }
    return end;
  }

  #run(at: number, end: number): number {
    const { state, shift, skip } = this.#machine;
    state[STATE] = this.state;
    state[DEPTH] = this.depth;
    state[FLOOR] = this.floor;
    state[WATCHED] = this.watched;
    state[MASK] = this.mask;
    state[NAME_AT] = this.nameAt + shift;
    state[ESCAPED] = this.escaped ? 1 : 0;
    if (this.state >= IN_NUMBER) {
      state[AROUND] = this.around;
      state[DIGITS] = this.digits;
      state[NUMBER] = this.number;
      state[WORD] = this.word;
      state[LETTER] = this.letter;
    }
    const stopped = skip(at + shift, end + shift) - shift;
    this.state = state[STATE]!;
    this.depth = state[DEPTH]!;
    this.nameAt = state[NAME_AT]! - shift;
    this.escaped = state[ESCAPED] !== 0;
    if (this.state >= IN_NUMBER) {
      this.around = state[AROUND]!;
      this.digits = state[DIGITS]!;
      this.number = state[NUMBER]!;
      this.word = state[WORD]!;
      this.letter = state[LETTER]!;
    }
    return stopped;
  }

  #refuse(why: number, at: number): never {
    if (why === TOO_DEEP) this.refuseDepth(at);
    if (why === NAME_TOO_LONG) this.refuseName();
    throw new JsonError(JSON_ERRORS[why - FAULT]!, at);
  }

  /** Moves in. Two filters take turns, and even one may be used from inside another's `featuresFor`. */
  #take(): void {
    const machine = this.#machine;
    if (machine.user instanceof WasmScanner) machine.user.#release();
    machine.user = this;
    machine.unload();
    machine.kinds.set(this.kinds.subarray(0, this.depth + 1));
    this.kinds = machine.kinds;
    machine.state[MAX_DEPTH] = this.maxDepth;
    machine.state[MAX_NAME] = this.maxName;
  }

  #release(): void {
    this.kinds = this.kinds.slice(0, Math.max(64, this.depth + 1));
  }
}
