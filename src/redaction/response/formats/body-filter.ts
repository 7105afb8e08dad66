import { KeyscopeError } from '../../../errors';
import type { Limits } from '../../options';
import type { Fields } from '../../path-matcher';
import { type PolicySource, restricts, type Withheld } from '../../policy';
import { createJsonFilter, type JsonFilter } from '../../stream/json-filter';

/** What one body is cut down by. Both functions throw a {@link KeyscopeError} at the first doubt; nothing may leave after it. */
export interface BodyFilter {
  /** What may leave now that `chunk` is known; empty where nothing may. */
  push(chunk: Uint8Array): Uint8Array;
  /** The body is over: what was kept back until now. Throws where the body is not whole. A body of no bytes is. */
  end(): Uint8Array;
  /** Features of which something has been withheld so far. */
  readonly withheld: readonly Withheld[];
}

/** Whose data, where, and how far a body may go: what a filter is made from. */
export interface FilterTerms {
  readonly fields: Fields;
  readonly subject: PolicySource;
  readonly limits: Limits;
  /** Looks again, for each text of a body that holds one after the other: what was enabled may not be any more. */
  readonly again: () => PolicySource;
}

export const NOTHING: Uint8Array = Buffer.alloc(0);

/** Both, one after the other. */
export function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  return b.length === 0 ? a : Buffer.concat([a, b]);
}

/** @throws KeyscopeError always */
export function doubt(message: string): never {
  throw new KeyscopeError('unredactable_response', message);
}

export function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The index of the first byte from `from` on that is not white space; `chunk.length` where there is none. */
export function skipWhiteSpace(chunk: Uint8Array, from: number, to = chunk.length): number {
  let at = from;
  while (at < to && isWhiteSpace(chunk[at]!)) at++;
  return at;
}

/** Collects what leaves of one chunk, and joins it only where it came in pieces. */
export class Output {
  #parts: Uint8Array[] = [];

  add(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#parts.push(bytes);
  }

  take(): Uint8Array {
    const parts = this.#parts;
    if (parts.length === 0) return NOTHING;
    this.#parts = [];
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

/** The JSON filter with its output returned. One document at a time, each judged by what is enabled when it begins. */
export class DocumentFilter {
  readonly #filter: JsonFilter;
  readonly #again: () => PolicySource;
  #between = false;
  #emitted: Uint8Array = NOTHING;

  constructor({ fields, subject, limits, again }: FilterTerms) {
    this.#again = again;
    this.#filter = createJsonFilter(fields, subject, limits, (chunk) => {
      this.#emitted = chunk;
    });
  }

  get withheld(): readonly Withheld[] {
    return this.#filter.withheld;
  }

  write(chunk: Uint8Array): Uint8Array {
    this.#emitted = NOTHING;
    if (this.#between) this.#filter.reset(this.#again());
    this.#between = false;
    this.#filter.write(chunk);
    return this.#emitted;
  }

  end(): void {
    this.#filter.end();
    this.#between = true;
  }

  /** Whether anything could have to be withheld now. */
  get restricts(): boolean {
    return restricts(this.#again());
  }
}

/**
 * What leaves, in memory that is ours. A filter lets bytes through as a view of what it was given; and a handler that uses
 * its buffer again before Node has sent it would change what has been judged.
 */
export function ours(leaving: Uint8Array, given: Uint8Array): Uint8Array {
  return leaving.length > 0 && leaving.buffer === given.buffer ? Buffer.from(leaving) : leaving;
}
