import { types } from 'node:util';
import { NOTHING } from './formats/body-filter';
import type { Callback } from './hooks';

/** The forms that `write` and `end` take: `(cb)`, `(chunk, cb)`, `(chunk, encoding, cb)`. */
export interface WriteArguments {
  readonly chunk: unknown;
  readonly encoding: BufferEncoding | undefined;
  readonly callback: Callback | undefined;
}

export function readArguments(args: readonly unknown[]): WriteArguments {
  const [first, second, third] = args;
  if (typeof first === 'function') return { chunk: undefined, encoding: undefined, callback: first as Callback };
  const callback = typeof second === 'function' ? second : third;
  return {
    chunk: first,
    encoding: typeof second === 'string' ? (second as BufferEncoding) : undefined,
    callback: typeof callback === 'function' ? (callback as Callback) : undefined,
  };
}

/** Whether Node would send bytes for a chunk. */
export function isChunk({ chunk, encoding }: WriteArguments): boolean {
  if (typeof chunk === 'string') return encoding === undefined || Buffer.isEncoding(encoding);
  return chunk instanceof Uint8Array;
}

/**
 * The bytes that Node would send for a chunk. Other values (an ArrayBuffer, an array of numbers) are rejected here as Node does:
 * a middleware that replaced `write` before us might make bytes of them, and would send them unread.
 */
export function bytesOf({ chunk, encoding }: WriteArguments): Uint8Array {
  if (typeof chunk === 'string') return chunk === '' ? NOTHING : Buffer.from(chunk, encoding);
  if (Buffer.isBuffer(chunk)) return chunk;
  if (types.isUint8Array(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk === null) {
    throw Object.assign(new TypeError('May not write null values to stream'), { code: 'ERR_STREAM_NULL_VALUES' });
  }
  const message = 'The "chunk" argument must be of type string or an instance of Buffer or Uint8Array.';
  throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** The arguments without the bytes, for a response that is over: Node reports it, and the bytes stay here. */
export function withoutBytes({ callback }: WriteArguments): unknown[] {
  return callback ? [NOTHING, callback] : [NOTHING];
}
