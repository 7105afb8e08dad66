import { types } from 'node:util';
import { KeyscopeError } from '../../errors';
import { Decoding } from './decompression';
import { Drain } from './drain-events';
import { createBodyFilter } from './formats';
import { type BodyFilter, joined, NOTHING, ours } from './formats/body-filter';
import type { Coding } from './media-type';
import type { Callback } from './original-response';
import { forgetTrailerDigests } from './response-headers';
import type { Interception } from './response-interceptor';
import { saysNothingNew } from './status-texts';

/** Statuses for which Express drops the body: No Content, Reset Content, Not Modified. */
const BODILESS = new Set([204, 205, 304]);

/** The forms `write` and `end` take: `(cb)`, `(chunk, cb)`, `(chunk, encoding, cb)`. */
interface BodyArguments {
  readonly chunk: unknown;
  readonly encoding: BufferEncoding | undefined;
  readonly callback: Callback | undefined;
}

function readArguments(args: readonly unknown[]): BodyArguments {
  const [first, second, third] = args;
  if (typeof first === 'function') return { chunk: undefined, encoding: undefined, callback: first as Callback };
  const callback = typeof second === 'function' ? second : third;
  return {
    chunk: first,
    encoding: typeof second === 'string' ? (second as BufferEncoding) : undefined,
    callback: typeof callback === 'function' ? (callback as Callback) : undefined,
  };
}

/**
 * The bytes that Node would send for a chunk. What is none (an ArrayBuffer, a list of numbers) is refused as Node does,
 * and here: whoever has replaced `write` below us may know how to make bytes of it, and would send them unread.
 */
function bytesOf(chunk: unknown, encoding: BufferEncoding | undefined): Uint8Array {
  if (typeof chunk === 'string') return chunk === '' ? NOTHING : Buffer.from(chunk, encoding);
  if (Buffer.isBuffer(chunk)) return chunk;
  if (types.isUint8Array(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk === null) {
    throw Object.assign(new TypeError('May not write null values to stream'), { code: 'ERR_STREAM_NULL_VALUES' });
  }
  const message = 'The "chunk" argument must be of type string or an instance of Buffer or Uint8Array.';
  throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** Where the response is over, Node has only to say so; the bytes stay here. */
function withoutBytes(callback: Callback | undefined): unknown[] {
  return callback ? [NOTHING, callback] : [NOTHING];
}

function asKeyscopeError(error: unknown): KeyscopeError {
  if (error instanceof KeyscopeError) return error;
  return new KeyscopeError('unredactable_response', 'The response could not be redacted.', { cause: error });
}

function writeAfterEnd(): Error {
  return Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
}

/** The body of one response: what `write` and `end` do with it. */
export class Body {
  readonly #interception: Interception;
  #drain: Drain | undefined;
  #filter: BodyFilter | undefined;
  #decoding: Decoding | undefined;

  constructor(interception: Interception) {
    this.#interception = interception;
    // compression() and its like move the listeners of 'drain' elsewhere: to be caught before there are any.
    if (Object.hasOwn(interception.res, 'on')) this.#drain = new Drain(interception.res);
    interception.release = () => this.#forget();
  }

  write(args: readonly unknown[]): boolean {
    const it = this.#interception;
    const { chunk, encoding, callback } = readArguments(args);
    if (it.refused) return this.#dropped(callback);
    if (this.#ended) return this.#writtenAfterEnd(callback);
    const bytes = bytesOf(chunk, encoding);
    if (it.downstream.isOver) return it.downstream.call('write', withoutBytes(callback)) as boolean;
    if (!this.#begin()) return this.#dropped(callback);
    if (it.phase === 'plain') {
      return it.commit() ? it.downstream.write(bytes, callback) : this.#dropped(callback);
    }
    it.watch();
    if (it.decision.action === 'none') {
      if (!it.commit()) return this.#dropped(callback);
      if (callback) it.downstream.confirm(callback);
      return true;
    }
    if (it.decision.action === 'words') {
      it.doubt(it.decision.refusal);
      return this.#dropped(callback);
    }
    const filter = this.#beginFilter();
    return this.#decoding ? this.#decoding.write(bytes, callback) : this.#writeFiltered(filter, bytes, callback);
  }

  end(args: readonly unknown[]): void {
    const it = this.#interception;
    const { chunk, encoding, callback } = readArguments(args);
    if (it.refused) {
      this.#whenOver(callback);
      return;
    }
    if (this.#ended) {
      if (chunk) this.#writtenAfterEnd(callback);
      else this.#whenOver(callback);
      return;
    }
    const bytes = chunk ? bytesOf(chunk, encoding) : NOTHING;
    if (it.downstream.isOver) {
      it.downstream.call('end', chunk ? withoutBytes(callback) : args);
      return;
    }
    this.#whenOver(callback);
    if (this.#isTrusted(chunk)) it.phase = 'trusted';
    if (this.#begin()) this.#endBody(bytes);
  }

  get #ended(): boolean {
    return this.#interception.phase === 'closed' || this.#decoding?.ended === true;
  }

  /** Whether these are the bytes that Express was given, or none because the answer to the request has none. */
  #isTrusted(chunk: unknown): boolean {
    const { phase, trusted, req, res } = this.#interception;
    if (phase !== 'open' || trusted === undefined) return false;
    return chunk === trusted || (!chunk && (req.method === 'HEAD' || BODILESS.has(res.statusCode)));
  }

  /** Makes sure that something has been decided. False where it was: refuse. */
  #begin(): boolean {
    const it = this.#interception;
    if (it.phase !== 'open' && it.phase !== 'trusted') return true;
    if (it.res.headersSent) {
      it.doubt('The head of the response left before it could be judged.');
      return false;
    }
    return it.judge();
  }

  /** Bytes have come for a body that is to be filtered, or has no type: then it must be JSON. */
  #beginFilter(): BodyFilter {
    if (this.#filter) return this.#filter;
    const it = this.#interception;
    const { decision } = it;
    it.phase = 'filtered';
    this.#filter = createBodyFilter(decision.action === 'filter' ? decision.framing : 'json', it.filterTerms);
    if (decision.action === 'filter' && decision.coding !== null) this.#beginDecoding(decision.coding, this.#filter);
    return this.#filter;
  }

  #beginDecoding(coding: Coding, filter: BodyFilter): void {
    const it = this.#interception;
    it.watch();
    this.#drain ??= new Drain(it.res);
    const outlet = {
      deliver: (bytes: Uint8Array) => it.commit() && it.downstream.write(bytes, undefined),
      finish: (bytes: Uint8Array) => this.#leave(bytes),
      fail: (error: unknown) => it.refuse(asKeyscopeError(error)),
    };
    this.#decoding = new Decoding(coding, filter, outlet, this.#drain);
    it.res.once('close', () => it.release());
  }

  #writeFiltered(filter: BodyFilter, bytes: Uint8Array, callback: Callback | undefined): boolean {
    const it = this.#interception;
    let leaving: Uint8Array;
    try {
      leaving = ours(filter.push(bytes), bytes);
    } catch (error) {
      it.refuse(asKeyscopeError(error));
      return this.#dropped(callback);
    }
    if (!it.commit()) return this.#dropped(callback);
    if (leaving.length > 0) return it.downstream.write(leaving, callback);
    if (callback) it.downstream.confirm(callback);
    return true;
  }

  #endBody(bytes: Uint8Array): void {
    const it = this.#interception;
    const { decision } = it;
    if (it.phase === 'judged' && (decision.action === 'words' || decision.action === 'undeclared')) {
      if (bytes.length === 0 || saysNothingNew(bytes, it.req, it.res)) {
        it.phase = 'plain';
        this.#leave(ours(bytes, bytes));
        return;
      }
      if (decision.action === 'words') {
        it.doubt(decision.refusal);
        return;
      }
    }
    if (decision.action === 'none') this.#leave(NOTHING);
    else if (it.phase === 'trusted' || it.phase === 'plain') this.#leave(bytes);
    else this.#endFiltered(bytes);
  }

  #endFiltered(bytes: Uint8Array): void {
    const it = this.#interception;
    const filter = this.#beginFilter();
    if (this.#decoding) {
      this.#decoding.end(bytes);
      // Ended for the handler; what it wrote is still being decoded.
      if (!it.res.writableEnded) Object.defineProperty(it.res, 'writableEnded', { value: true, configurable: true });
      return;
    }
    let leaving: Uint8Array;
    try {
      leaving = ours(joined(filter.push(bytes), filter.end()), bytes);
    } catch (error) {
      it.refuse(asKeyscopeError(error));
      return;
    }
    if (!it.res.headersSent) it.withheld = filter.withheld;
    this.#leave(leaving);
  }

  /** The last bytes. */
  #leave(bytes: Uint8Array): void {
    const it = this.#interception;
    if (!it.res.headersSent && it.phase !== 'trusted' && it.decision.action !== 'none') it.length = bytes.length;
    if (!it.commit()) return;
    if (it.phase !== 'plain') forgetTrailerDigests(it.res);
    it.phase = 'closed';
    if (Object.hasOwn(it.res, 'writableEnded')) Reflect.deleteProperty(it.res, 'writableEnded');
    it.downstream.end(bytes);
  }

  #forget(): void {
    this.#decoding?.destroy();
    this.#decoding = undefined;
    this.#filter = undefined;
    if (Object.hasOwn(this.#interception.res, 'writableEnded')) {
      Reflect.deleteProperty(this.#interception.res, 'writableEnded');
    }
  }

  /** After a refusal nobody is listening to the handler any more; it is not its fault, so it gets no error event. */
  #dropped(callback: Callback | undefined): boolean {
    if (callback) process.nextTick(callback, this.#interception.error);
    return true;
  }

  /** Calls back when the response has been sent, or never will be. */
  #whenOver(callback: Callback | undefined): void {
    if (!callback) return;
    const { res } = this.#interception;
    const over = (): void => {
      res.off('finish', over);
      res.off('close', over);
      callback(this.#interception.error);
    };
    if (res.closed || res.writableFinished) {
      process.nextTick(over);
      return;
    }
    res.on('finish', over);
    res.on('close', over);
  }

  /** As Node does where the response has really ended; here, what was written before is still being decoded. */
  #writtenAfterEnd(callback: Callback | undefined): boolean {
    const { res } = this.#interception;
    const error = writeAfterEnd();
    process.nextTick(() => {
      callback?.(error);
      if (!res.destroyed) res.emit('error', error);
    });
    return false;
  }
}
