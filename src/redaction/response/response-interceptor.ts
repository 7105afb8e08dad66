import { KeyscopeError } from '../../errors';
import type { StreamDecision } from './body-decision';
import { BodyWriter } from './body-writer';
import type { BodySink } from './decompression';
import { copyIfShared, NOTHING, skipWhiteSpace } from './formats/body-filter';
import { HandlerCallbacks } from './handler-callbacks';
import type { Callback } from './original-response';
import { asKeyscopeError, type InterceptorEvents, Rejection } from './rejection';
import { type ResponseContext, ResponseHead, type WrittenHead } from './response-head';
import { applyHead, isStatus, removeTrailerMeasures } from './response-headers';
import { type PassThrough, type ResponseState, transition } from './response-state';
import { bytesOf, isChunk, readArguments, type WriteArguments, withoutBytes } from './write-arguments';

const BYPASSED = 'Bytes reached the response past the redaction.';
const UNDECIDED: ResponseState = { name: 'undecided' };
const PASS: PassThrough = { kind: 'pass-through', bare: false, vouched: false };

/** One response on its way to the client. The first byte of its body decides what happens to it. */
export class ResponseInterceptor implements BodySink {
  readonly head: ResponseHead;
  /** Redacted bytes that Express has been given. */
  expected: Uint8Array | undefined;
  readonly #context: ResponseContext;
  readonly #events: InterceptorEvents;
  readonly #callbacks: HandlerCallbacks;
  #state: ResponseState = UNDECIDED;
  #isInHandlerHead = false;
  /** The callback of an `end` from which nothing has to be removed. Node itself calls it, in an order that varies by version. */
  #endCallback: Callback | undefined;

  constructor(context: ResponseContext, events: InterceptorEvents) {
    this.#context = context;
    this.#events = events;
    this.head = new ResponseHead(context);
    this.#callbacks = new HandlerCallbacks(context, () => this.rejection?.error);
  }

  get isUndecided(): boolean {
    return this.#state.name === 'undecided';
  }

  /** Undefined unless the response was rejected. */
  get rejection(): Rejection | undefined {
    return this.#state.name === 'discarding' ? this.#state.rejection : undefined;
  }

  /** Passes everything through: the response is an error response of our own. */
  trust(): void {
    this.#transition({ name: 'passing', decision: { ...PASS, vouched: true } });
  }

  /** Whether the body, or a record of it, is passing through because nothing had to be removed from it, which may change. */
  get passesByPolicy(): boolean {
    const state = this.#state;
    if (state.name === 'streaming') return state.writer.isPassingRecord;
    const decision = state.name === 'passing' ? state.decision : state.name === 'ended' ? state.passed : undefined;
    return decision?.vouched === false;
  }

  #transition(state: ResponseState): void {
    const from = this.#state;
    this.#state = transition(this.#context.res, from, state);
    if (this.#state !== from && (state.name === 'ended' || state.name === 'discarding')) this.#events.onEnd();
  }

  write(args: readonly unknown[]): boolean {
    const { original } = this.#context;
    const state = this.#state;
    if (state.name === 'passing' && !state.decision.bare) return original.call('write', args) as boolean;
    if (state.name === 'ended' && state.passed) return original.call('write', args) as boolean;
    const given = readArguments(args);
    if (state.name === 'discarding') {
      return state.rejection.replacement?.write(args) ?? this.#callbacks.drop(given.callback);
    }
    if (this.#hasEnded) return this.#callbacks.reportLate(given);
    if (original.isOver) return original.call('write', withoutBytes(given)) as boolean;
    if (state.name === 'streaming') return state.writer.write(bytesOf(given), given.callback);
    if (state.name === 'passing') return this.#callbacks.confirm(given.callback);
    return this.#mayPass ? this.#beginOpen(args, given) : this.#beginRestricted(args, given, false);
  }

  end(args: readonly unknown[]): void {
    const { original } = this.#context;
    const state = this.#state;
    const given = readArguments(args);
    if (state.name === 'passing' && !state.decision.bare) this.#endPassing(args);
    else if (state.name === 'ended' && state.passed) original.call('end', args);
    else if (state.name === 'discarding') {
      if (!state.rejection.replacement?.end(args)) this.#callbacks.dropEnd(given.callback);
    } else if (this.#hasEnded) {
      if (given.chunk) this.#callbacks.reportLate(given);
      else this.#callbacks.whenOver(given.callback);
    } else if (original.isOver) {
      original.call('end', given.chunk ? withoutBytes(given) : args);
    } else if (state.name === 'streaming') {
      this.#endStream(state.writer, given.chunk ? bytesOf(given) : NOTHING, given.callback);
    } else if (state.name === 'passing') {
      this.#callbacks.whenOver(given.callback);
      this.finish(NOTHING);
    } else if (this.#mayPass) {
      this.head.decide('whole');
      this.#transition({ name: 'passing', decision: PASS });
      this.#endPassing(args);
    } else {
      this.#beginRestricted(args, given, true);
    }
  }

  writeHead(args: readonly unknown[]): unknown {
    const { res, original } = this.#context;
    const { name } = this.#state;
    if (this.rejection) return this.rejection.replacement?.writeHead(args) ?? res;
    if (name === 'held') return res;
    if (res.headersSent || !isStatus(args[0])) return original.call('writeHead', args);
    if (name === 'undecided' && this.head.writeOpenList(args)) {
      this.#transition({ name: 'head-sent', open: true });
      return res;
    }
    applyHead(res, Number(args[0]) | 0, args[1], args[2]);
    if (name === 'undecided') this.#writeHandlerHead(args.length === 1);
    else this.#writeHead();
    return res;
  }

  get #hasEnded(): boolean {
    return this.#state.name === 'ended' || (this.#state.name === 'streaming' && this.#state.writer.isDecoding);
  }

  /** Whether nothing has to be removed now, nor had to be when the head was sent. */
  get #mayPass(): boolean {
    return !(this.#state.name === 'head-sent' && !this.#state.open) && this.head.isOpen;
  }

  get #writtenHead(): WrittenHead {
    const state = this.#state;
    if (state.name === 'head-sent') return state.open ? 'open' : 'restricted';
    return state.name === 'undecided' && this.#context.res.headersSent ? 'unchecked' : 'none';
  }

  /** The first chunk of a body from which nothing has to be removed. */
  #beginOpen(args: readonly unknown[], given: WriteArguments): boolean {
    const { original } = this.#context;
    const bytes = isChunk(given) ? bytesOf(given) : NOTHING;
    // Not the first byte yet: white space keeps the connection alive, and Node itself rejects other values.
    if (bytes.length === 0 || (this.head.allowsBlanks && skipWhiteSpace(bytes, 0) === bytes.length)) {
      return original.call('write', args) as boolean;
    }
    const decision = this.head.decide('more');
    if (decision.kind === 'stream') return this.#startStream(decision).write(bytes, given.callback);
    this.#transition({ name: 'passing', decision: PASS });
    return original.passThrough(args);
  }

  /** The first chunk, or the end, of a body from which something may have to be removed. */
  #beginRestricted(args: readonly unknown[], given: WriteArguments, isEnd: boolean): boolean {
    const { original } = this.#context;
    const bytes = isEnd && !given.chunk ? NOTHING : bytesOf(given);
    if (!isEnd && bytes.length === 0) return this.#callbacks.confirm(given.callback);
    if (isEnd) this.#callbacks.whenOver(given.callback);
    const isExpected =
      this.expected !== undefined && (given.chunk === this.expected || (!given.chunk && !this.head.allowsBody));
    const body = !isEnd ? 'more' : bytes.length > 0 ? 'whole' : 'none';
    const decision = this.head.decideFirst(this.#writtenHead, body, bytes, isExpected);
    if (decision.kind === 'replace') this.#replace();
    else if (decision.kind === 'reject') this.#reject(decision.reason);
    else if (isExpected && (decision.kind !== 'stream' || decision.coding === null)) {
      this.#transition({ name: 'express' });
      this.finish(bytes);
    } else if (decision.kind === 'stream') {
      const writer = this.#startStream(decision);
      if (!isEnd) return writer.write(bytes, given.callback);
      this.#endStream(writer, bytes, undefined);
    } else if (decision.kind === 'pass-through') {
      this.#transition({ name: 'passing', decision });
      // A body that was looked at must not change before it is sent. One that is vouched for by its type is not copied.
      if (isEnd) this.finish(decision.bare ? NOTHING : decision.vouched ? bytes : copyIfShared(bytes, bytes));
      else if (!this.#commit()) return this.#callbacks.drop(given.callback);
      else if (decision.bare) return this.#callbacks.confirm(given.callback);
      else return original.passThrough(args);
    }
    return isEnd || this.#callbacks.drop(given.callback);
  }

  #startStream(decision: StreamDecision): BodyWriter {
    if (this.head.isRestricted) this.#detectBypass();
    const writer = new BodyWriter(decision, this.#context, this, this.head);
    this.#transition({ name: 'streaming', writer });
    return writer;
  }

  #endStream(writer: BodyWriter, bytes: Uint8Array, callback: Callback | undefined): void {
    const { res } = this.#context;
    if (this.head.isRestricted) this.#callbacks.whenOver(callback);
    else this.#endCallback = callback;
    writer.end(bytes);
    // Ended for the handler, while the decoder is still at work.
    if (this.#hasEnded && this.#state.name === 'streaming') {
      Object.defineProperty(res, 'writableEnded', { value: true, configurable: true });
    }
  }

  #endPassing(args: readonly unknown[]): void {
    const passed = this.#state.name === 'passing' ? this.#state.decision : undefined;
    try {
      this.#context.original.call('end', args);
    } catch (thrown) {
      this.#startOver();
      throw thrown;
    }
    this.#transition({ name: 'ended', passed });
  }

  /** The next redacted bytes of the body. Returns false if no more should come until the response has drained. */
  deliver(bytes: Uint8Array, callback?: Callback): boolean {
    if (!this.#commit()) return this.#callbacks.drop(callback);
    return bytes.length > 0 ? this.#context.original.write(bytes, callback) : this.#callbacks.confirm(callback);
  }

  /** The last redacted bytes of the body. */
  finish(bytes: Uint8Array): void {
    const { res, original } = this.#context;
    const state = this.#state;
    if (!res.headersSent && state.name !== 'express') {
      if (this.head.allowsBody) this.head.length = bytes.length;
      if (state.name === 'streaming') this.head.withheld = state.writer.withheld;
    }
    if (!this.#commit()) return;
    if (this.head.changesBody) removeTrailerMeasures(res);
    this.#transition({ name: 'ended', passed: undefined });
    // Another error response may have been sent while the head was written.
    if (original.isOver) this.#callbacks.whenOver(this.#endCallback);
    else original.end(bytes, this.#endCallback);
  }

  /** The handler wrote the head, flushed it, or wrote bytes past us, for which Node writes it. */
  #writeHandlerHead(isImplicit: boolean): void {
    const decision = this.head.decide('unknown');
    if (this.head.isRestricted) this.#detectBypass();
    if (decision.kind === 'pass-through' && this.head.isRestricted) this.#transition({ name: 'passing', decision });
    else if (decision.kind === 'pass-through' || decision.kind === 'stream') {
      this.#transition({ name: 'head-sent', open: !this.head.isRestricted });
    } else if (decision.kind === 'reject' && isImplicit && this.head.isUnreadable) {
      this.#isInHandlerHead = true;
      this.#reject(decision.reason);
      return;
    } else {
      this.#transition({ name: 'held' });
      return;
    }
    try {
      this.#writeHead();
    } catch (thrown) {
      this.#startOver();
      throw thrown;
    }
  }

  #writeHead(): void {
    if (this.head.holds) this.head.write();
    else this.#reject('The status, type or coding of the response was changed after its body had begun.');
  }

  /** Writes the head through the middleware that replaced `writeHead` after us. Returns false if the response was rejected. */
  #commit(): boolean {
    const { res } = this.#context;
    if (!res.headersSent && !this.rejection) {
      try {
        res.writeHead(res.statusCode);
        if (!res.headersSent && !this.rejection) this.#writeHead();
      } catch (thrown) {
        this.#startOver();
        throw thrown;
      }
    }
    return this.rejection === undefined;
  }

  /** The head could not be written, and nothing has been sent: the next body is decided independently. */
  #startOver(): void {
    if (this.#context.res.headersSent || this.rejection) return;
    if (this.#state.name === 'streaming') this.#state.writer.destroy();
    this.head.length = this.head.withheld = undefined;
    this.#transition(UNDECIDED);
  }

  #detectBypass(): void {
    this.#context.original.detectBypass(() => this.#reject(BYPASSED));
  }

  #reject(reason: string): void {
    this.fail(new KeyscopeError('unredactable_response', reason));
  }

  /** Rejects the response. An error response keeps its status, and only its body is replaced. */
  fail(cause: unknown): void {
    const { res, original } = this.#context;
    const state = this.#state;
    if (state.name === 'discarding') return;
    const error = asKeyscopeError(cause);
    if (state.name === 'streaming') state.writer.destroy();
    const isSent = state.name !== 'held' && res.headersSent;
    if (!isSent && res.statusCode >= 400 && error.code === 'unredactable_response') {
      this.#replace();
      return;
    }
    const rejection = new Rejection(this.#context, this.#events, error);
    this.#transition({ name: 'discarding', rejection });
    this.#callbacks.whenOver(this.#endCallback);
    original.releaseSources();
    // A head that we did not ask for may be Node's, for bytes that bypass us: those must not find another response.
    if (this.#isInHandlerHead || original.isCalling) process.nextTick(() => rejection.send());
    else rejection.send();
  }

  #replace(): void {
    const rejection = new Rejection(this.#context, this.#events, undefined);
    this.#transition({ name: 'discarding', rejection });
    rejection.replaceBody();
  }
}
