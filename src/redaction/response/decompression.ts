import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { KeyscopeError } from '../../errors';
import type { DrainEvents } from './drain-events';
import { type BodyFilter, NOTHING } from './formats/body-filter';
import type { Callback } from './hooks';
import type { Coding } from './media-type';

/** Takes the bytes of a body that has been redacted. */
export interface BodySink {
  /** Returns false if no more should be delivered until the response has drained. */
  deliver(bytes: Uint8Array, callback?: Callback): boolean;
  finish(bytes: Uint8Array): void;
  fail(error: unknown): void;
}

/** The low four bits of a zlib header (RFC 1950). Some servers send deflate without that header (RFC 1951). */
const ZLIB_METHOD = 8;

function createDecoder(coding: Coding, first: number): Transform {
  switch (coding) {
    case 'gzip':
      return zlib.createGunzip();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'deflate':
      return (first & 0x0f) === ZLIB_METHOD ? zlib.createInflate() : zlib.createInflateRaw();
    case 'zstd':
      return (zlib as unknown as { createZstdDecompress(): Transform }).createZstdDecompress();
  }
}

/**
 * Decodes a compressed body, and filters and delivers it. A chunk is decoded only as far as the response takes it, so that a small
 * body that unpacks to a huge one costs time, not memory.
 */
export class Decompression {
  readonly #coding: Coding;
  readonly #filter: BodyFilter;
  readonly #sink: BodySink;
  readonly #drain: DrainEvents;
  /** Callbacks of chunks that have not been decoded. A decoder that is destroyed would not call them. */
  readonly #callbacks = new Set<Callback>();
  #decoder: Transform | undefined;
  #ended = false;

  constructor(coding: Coding, filter: BodyFilter, sink: BodySink, drain: DrainEvents) {
    this.#coding = coding;
    this.#filter = filter;
    this.#sink = sink;
    this.#drain = drain;
  }

  get ended(): boolean {
    return this.#ended;
  }

  write(bytes: Uint8Array, callback: Callback | undefined): boolean {
    if (bytes.length > 0) return this.#begin(bytes[0]!).write(bytes, this.#track(callback));
    if (callback) process.nextTick(callback);
    return true;
  }

  end(bytes: Uint8Array): void {
    this.#ended = true;
    if (bytes.length > 0) this.#begin(bytes[0]!).end(bytes);
    else if (this.#decoder) this.#decoder.end();
    else this.#sink.finish(NOTHING);
  }

  destroy(): void {
    this.#decoder?.destroy();
    for (const callback of this.#callbacks) process.nextTick(() => this.#sink.deliver(NOTHING, callback));
  }

  #track(callback: Callback | undefined): Callback | undefined {
    if (!callback) return undefined;
    const done: Callback = (error) => {
      if (this.#callbacks.delete(done)) callback(error);
    };
    this.#callbacks.add(done);
    return done;
  }

  #begin(first: number): Transform {
    if (this.#decoder) return this.#decoder;
    const decoder = createDecoder(this.#coding, first);
    this.#decoder = decoder;
    this.#drain.divert(() => decoder.resume());
    decoder.on('drain', () => this.#drain.notify());
    decoder.on('data', (chunk: Uint8Array) => this.#attempt(() => this.#pass(decoder, chunk)));
    decoder.on('end', () => this.#attempt(() => this.#sink.finish(this.#filter.end())));
    decoder.on('error', (cause) => {
      const error = new KeyscopeError('unredactable_response', `The ${this.#coding} body is damaged.`, { cause });
      this.#sink.fail(error);
    });
    return decoder;
  }

  #pass(decoder: Transform, chunk: Uint8Array): void {
    const bytes = this.#filter.push(chunk);
    if (bytes.length > 0 && !this.#sink.deliver(bytes)) decoder.pause();
  }

  /** Errors in events of a stream have no caller. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.destroy();
      this.#sink.fail(error);
    }
  }
}
