import { decodeString } from '../member-name-table';
import { isJsonWithName } from '../nested-json';
import { NESTED_JSON } from '../path-matcher';
import { JsonError } from './json-error';

const NONE = -1;
/** Bytes at the start of a string that show whether it may be JSON. */
const PREFIX = 64;
/**
 * A string that begins like JSON, as bytes: with a bracket, a quotation mark or any `\u` behind characters that may be ignorable. Or
 * the start of one that may go on so.
 */
const MAY_BE_JSON = /^(?:[^!-~]|\\[bfnrt])*(?:[[{]|\\["u]|\\?$)/;

/** Detects strings in JSON text that are JSON with a configured name, in any number of pieces and in any spelling. */
export class NestedJsonDetector {
  readonly #names: ReadonlySet<string>;
  readonly #maxHeld: number;
  /** Start of the string that is being read and may be JSON, behind its quote. */
  #from = NONE;

  constructor(names: ReadonlySet<string>, maxHeld: number) {
    this.#names = names;
    this.#maxHeld = maxHeld;
  }

  /** A string begins, with its quote at `at`. */
  begin(at: number): void {
    this.#from = at + 1;
  }

  reset(): void {
    this.#from = NONE;
  }

  /**
   * The value has ended.
   *
   * @throws JsonError if the string is JSON with a configured name
   */
  end(bytes: Buffer, at: number): void {
    if (this.#from === NONE) return;
    const from = this.neededFrom(bytes, at);
    this.#from = NONE;
    if (from < at && isJsonWithName(decodeString(bytes, from, at - 1), this.#names))
      throw new JsonError(NESTED_JSON, at);
  }

  /** The index from which on bytes are needed again when the next piece arrives; `end` if none are. */
  neededFrom(bytes: Buffer, end: number): number {
    if (this.#from === NONE) return end;
    if (!MAY_BE_JSON.test(bytes.toString('latin1', this.#from, Math.min(end, this.#from + PREFIX)))) {
      this.#from = NONE;
      return end;
    }
    if (end - this.#from <= this.#maxHeld) return this.#from;
    throw new JsonError(`a string that may be JSON has more than ${this.#maxHeld} bytes`, this.#from);
  }

  /** The bytes before `by` are gone. */
  rebase(by: number): void {
    if (this.#from !== NONE) this.#from -= by;
  }
}
