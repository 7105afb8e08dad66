import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { KeyscopeError } from '../../errors';
import { type PolicySource, type RedactionPolicy, restricts, type Withheld } from '../policy';
import type { StreamDecision } from './body-decision';
import { DrainEvents } from './drain-events';
import { createBodyFilter } from './formats';
import { type BodyFilter, concat, copyIfShared, NOTHING } from './formats/body-filter';
import type { Callback } from './hooks';
import type { Coding } from './media-type';
import type { ResponseContext } from './response-context';

/** Takes the bytes of a body that has been redacted. */
export interface BodySink {
  /** Returns false if no more should be delivered until the response has drained. */
  deliver(bytes: Uint8Array, callback?: Callback): boolean;
  finish(bytes: Uint8Array): void;
  fail(error: unknown): void;
}

/** The low four bits of a zlib header (RFC 1950). Some servers send deflate without that header (RFC 1951). */
const ZLIB_METHOD = 8;

export function createDecoder(coding: Coding, first: number): Transform {
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

/** The filter of a body. It reads the policy for each record. */
export function createFilter({ format, anyCharset }: StreamDecision, context: ResponseContext): BodyFilter {
  const { fields, limits, textEvents } = context.route.options;
  const getPolicy = () => context.getPolicy();
  return createBodyFilter(format, { fields, limits, textEvents, getPolicy, anyCharset });
}

/**
 * Filters the bytes of one body on their way from `write` and `end` to the response. A compressed body is decoded first, and only as
 * far as the response takes it, so that a small body that unpacks to a huge one costs time, not memory.
 */
export class BodyWriter {
  readonly #context: ResponseContext;
  readonly #filter: BodyFilter;
  readonly #sink: BodySink;
  readonly #coding: Coding | null;
  /** Callbacks of chunks that have not been decoded. A decoder that is destroyed would not call them. */
  readonly #callbacks = new Set<Callback>();
  readonly #drain: DrainEvents | undefined;
  #decoder: Transform | undefined;
  #isDecoding = false;

  constructor(decision: StreamDecision, context: ResponseContext, sink: BodySink) {
    this.#context = context;
    this.#filter = createFilter(decision, context);
    this.#sink = sink;
    this.#coding = decision.coding;
    if (this.#coding === null) return;
    context.drain ??= new DrainEvents(context.res);
    this.#drain = context.drain;
    context.res.once('close', () => this.destroy());
  }

  get withheld(): readonly Withheld[] {
    return this.#filter.value.withheld;
  }

  /** The policy that the last value was redacted by. */
  get policy(): RedactionPolicy {
    return this.#filter.value.policy;
  }

  /** Whether a value is under way that was redacted by a policy that allows more than `source`. */
  isOutdated(source: PolicySource): boolean {
    if (this.#filter.isPassingRecord === true) return restricts(source);
    const { res, isPatched } = this.#context;
    // Middleware that was mounted before us can hold bytes as well (compression), until the response has finished.
    const mayWait = res.writableLength > 0 || (isPatched && !res.writableFinished);
    return this.#filter.value.isOutdated(source, mayWait);
  }

  /** Whether the body has ended, though its last bytes may still be in the decoder. */
  get isDecoding(): boolean {
    return this.#isDecoding;
  }

  write(bytes: Uint8Array, callback: Callback | undefined): boolean {
    if (this.#coding !== null && bytes.length > 0) return this.#decode(bytes[0]!).write(bytes, this.#track(callback));
    if (this.#coding !== null) {
      if (callback) process.nextTick(callback);
      return true;
    }
    const sent = this.#attempt(() => this.#filter.push(bytes)) ?? NOTHING;
    // A chunk that passes through is the handler's, who may still change it as without us.
    const isUnchanged = sent === bytes && !this.#context.isRestricted;
    return this.#sink.deliver(isUnchanged ? sent : copyIfShared(sent, bytes), callback);
  }

  end(bytes: Uint8Array): void {
    this.#isDecoding = this.#coding !== null;
    if (this.#coding !== null && bytes.length > 0) this.#decode(bytes[0]!).end(bytes);
    else if (this.#decoder) this.#decoder.end();
    else if (this.#coding !== null) this.#sink.finish(NOTHING);
    else {
      const sent = this.#attempt(() => copyIfShared(concat(this.#filter.push(bytes), this.#filter.end()), bytes));
      if (sent !== undefined) this.#sink.finish(sent);
    }
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

  #decode(first: number): Transform {
    if (this.#decoder) return this.#decoder;
    const decoder = createDecoder(this.#coding!, first);
    this.#decoder = decoder;
    this.#drain!.divert(() => decoder.resume());
    decoder.on('drain', () => this.#drain!.notify());
    // Errors in events have no caller.
    decoder.on('data', (chunk: Uint8Array) => {
      this.#attempt(() => {
        const bytes = this.#filter.push(chunk);
        if (bytes.length > 0 && !this.#sink.deliver(bytes)) decoder.pause();
      });
    });
    decoder.on('end', () => this.#attempt(() => this.#sink.finish(this.#filter.end())));
    decoder.on('error', (cause) => {
      const message = `The ${this.#coding} body is damaged.`;
      this.#sink.fail(new KeyscopeError('unredactable_response', message, { cause }));
    });
    return decoder;
  }

  /** Undefined if the body was rejected. */
  #attempt<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      this.destroy();
      this.#sink.fail(error);
      return undefined;
    }
  }
}
