import { KeyscopeError } from '../../../errors';
import * as tables from '../json-tables';
import { SCANNER } from './binary';

/** Where everything lies in memory: see scanner.wat. */
const ESCAPES_AT = 256;
const HEX_DIGITS_AT = 512;
const WORD_STARTS_AT = 768;
const NUMBERS_AT = 1024;
const WORDS_AT = 3584;
const NUMBER_ENDS_AT = 3616;
const KINDS_AT = 4096;
const WINDOW_AT = 65_536;
const WINDOW_SIZE = 65_536;

/** How many levels can be open. */
export const MACHINE_DEPTH = WINDOW_AT - KINDS_AT - 1;

const NO_WEBASSEMBLY =
  'redactResponse: this process cannot run WebAssembly with SIMD, which reads JSON. Start Node without --jitless, and without a limit of virtual memory.';

type Skip = (at: number, end: number) => number;

/** As much of the WebAssembly JavaScript Interface as is used here: the compiler's own types of it are those of browsers. */
interface WebAssemblyInterface {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: { skip: Skip; memory: { buffer: ArrayBuffer } } };
}

/**
 * The compiled scanner and its memory. The memory is scratch space: callers save their own state between calls. It holds a
 * copy of a range of the bytes to read, the window.
 */
export class Machine {
  /** Reads bytes of the window. Both indices are in memory: add `shift`. */
  readonly skip: Skip;
  /** The state that `skip` starts from and leaves. */
  readonly state: Int32Array;
  readonly kinds: Uint8Array;
  /** The scanner that the state belongs to. */
  user: unknown = null;
  /** The content of the window, as indices into the bytes it was loaded from. */
  from = 0;
  to = 0;
  readonly #memory: Uint8Array;

  constructor() {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyInterface }).WebAssembly;
    const instance = new Instance(new Module(SCANNER));
    const { buffer } = instance.exports.memory;
    this.skip = instance.exports.skip;
    this.state = new Int32Array(buffer, 0, 16);
    this.kinds = new Uint8Array(buffer, KINDS_AT, MACHINE_DEPTH + 1);
    this.#memory = new Uint8Array(buffer);
    this.#memory.set(tables.ESCAPES, ESCAPES_AT);
    this.#memory.set(tables.HEX_DIGITS, HEX_DIGITS_AT);
    this.#memory.set(tables.WORD_STARTS, WORD_STARTS_AT);
    this.#memory.set(tables.NUMBERS, NUMBERS_AT);
    this.#memory.set(tables.NUMBER_ENDS, NUMBER_ENDS_AT);
    for (const [i, word] of tables.WORDS.entries()) this.#memory.set(word, WORDS_AT + 8 * i);
  }

  /** From an index into the bytes to one in memory. */
  get shift(): number {
    return WINDOW_AT - this.from;
  }

  load(bytes: Uint8Array, from: number, end: number): void {
    const to = Math.min(end, from + WINDOW_SIZE);
    this.#memory.set(bytes.subarray(from, to), WINDOW_AT);
    this.from = from;
    this.to = to;
  }

  /** Empties the window. */
  unload(): void {
    this.from = this.to = 0;
  }
}

let shared: Machine | undefined;

/**
 * The one machine of this thread, created at first use.
 *
 * @throws KeyscopeError `invalid_options` if this process has no WebAssembly with SIMD, such as with `node --jitless`
 */
export function sharedMachine(): Machine {
  try {
    shared ??= new Machine();
    return shared;
  } catch (cause) {
    throw new KeyscopeError('invalid_options', NO_WEBASSEMBLY, { cause });
  }
}
