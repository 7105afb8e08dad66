import { KeyscopeError } from '../../../errors';
import type { JsonFilter, JsonFilterOptions } from '../../stream/json-filter';

/** Redacts one body. Both functions throw a {@link KeyscopeError} at the first error; nothing may be sent after it. */
export interface BodyFilter {
  /** Returns the bytes to send for `chunk`, which may be none; `chunk` itself if it passes through whole. */
  push(chunk: Uint8Array): Uint8Array;
  /** The body has ended. Returns the bytes held back until now; throws if the body is not complete. No bytes are a complete body. */
  end(): Uint8Array;
  /** Redacts the values of the body. */
  readonly value: JsonFilter;
  /** Whether a record is under way that passes unread, because nothing had to be removed when it began. */
  readonly isPassingRecord?: boolean;
}

/** The rules a body filter works by. */
export interface FilterOptions extends JsonFilterOptions {
  /** Names of server-sent events whose data passes through. */
  readonly textEvents: ReadonlySet<string>;
}

export const NOTHING: Uint8Array = Buffer.alloc(0);

/** The longest server-sent event or JSONP script. They are held back until they are complete. */
export const HELD_BYTES = 16 * 1024 * 1024;

export function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  return b.length === 0 ? a : Buffer.concat([a, b]);
}

/** @throws KeyscopeError always */
export function fail(message: string): never {
  throw new KeyscopeError('unredactable_response', message);
}

function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The index of the first byte from `from` on that is not white space; `chunk.length` if there is none. */
export function skipWhiteSpace(chunk: Uint8Array, from: number): number {
  let at = from;
  while (at < chunk.length && isWhiteSpace(chunk[at]!)) at++;
  return at;
}

/** Collects the parts of one chunk that are sent, without a copy if they are adjacent. */
export class Parts {
  #parts: Uint8Array[] = [];

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const last = this.#parts.at(-1);
    if (last?.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      this.#parts[this.#parts.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length);
    } else {
      this.#parts.push(bytes);
    }
  }

  /** All parts as one; `chunk` itself if they are all of it. */
  flush(chunk: Uint8Array): Uint8Array {
    const parts = this.#parts;
    if (parts.length === 0) return NOTHING;
    this.#parts = [];
    if (parts.length > 1) return Buffer.concat(parts);
    const [part] = parts as [Uint8Array];
    return part.buffer === chunk.buffer && part.byteOffset === chunk.byteOffset && part.length === chunk.length
      ? chunk
      : part;
  }
}

/**
 * The bytes to send, in memory that only we write to. A filter returns a view of its input, and a handler that reuses its
 * buffer before Node has sent it would change bytes that have been checked.
 */
export function copyIfShared(sent: Uint8Array, given: Uint8Array): Uint8Array {
  return sent.length > 0 && sent.buffer === given.buffer ? Buffer.from(sent) : sent;
}
