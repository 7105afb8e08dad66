import { KeyscopeError } from '../../errors';
import type { PolicySource, RedactionPolicy } from '../policy';
import { PASS, type PassThrough, type StreamDecision, VOUCHED } from './body-decision';
import { type BodySink, BodyWriter } from './body-writer';
import { copyIfShared, NOTHING, skipWhiteSpace } from './formats/body-filter';
import type { Callback } from './hooks';
import { asKeyscopeError, dropChunk, dropEnd, type InterceptorEvents, reportLate, whenOver } from './rejection';
import type { ResponseContext } from './response-context';
import { ResponseHead } from './response-head';
import { applyHead, isStatus, removeTrailerMeasures } from './response-headers';
import { hasEnded, type ResponseState, transition, writtenHead } from './response-state';
import { bytesOf, isChunk, readArguments, type WriteArguments, withoutBytes } from './write-arguments';

const CHANGED = 'The status, type or coding of the response was changed after its body had begun.';
const BYPASSED = 'Bytes reached the response past the redaction.';
const UNDECIDED: ResponseState = { name: 'undecided' };
const PASSING: ResponseState = { name: 'passing', decision: PASS };

/** One response on its way to the client. The first byte of its body decides what happens to it. */
export class ResponseInterceptor implements BodySink {
  protected readonly context: ResponseContext;
  protected readonly head: ResponseHead;
  /** The error for which the response was rejected. */
  error: KeyscopeError | undefined = undefined;
  /** Redacted bytes that Express has been given, and the policy that they were redacted by. */
  protected expected:
    | { readonly bytes: Uint8Array; readonly source: PolicySource; readonly policy: RedactionPolicy | undefined }
    | undefined = undefined;
  readonly #events: InterceptorEvents;
  #state: ResponseState = UNDECIDED;
  /** The callback of an `end` from which nothing has to be removed. Node itself calls it, in an order that varies by version. */
  #endCallback: Callback | undefined = undefined;

  constructor(context: ResponseContext, events: InterceptorEvents) {
    this.context = context;
    this.#events = events;
    this.head = new ResponseHead(context);
  }

  get isUndecided(): boolean {
    return this.#state.name === 'undecided';
  }

  /** Whether the whole body has been given. Middleware that was mounted before us may end the response later. */
  get hasEnded(): boolean {
    return hasEnded(this.#state);
  }

  get isRejected(): boolean {
    return this.#state.name === 'discarding';
  }

  /** Passes everything through: the response is an error response of our own. */
  trust(): void {
    this.#transition({ name: 'passing', decision: VOUCHED });
  }

  get state(): ResponseState {
    return this.#state;
  }

  #transition(state: ResponseState): void {
    const from = this.#state;
    this.#state = transition(this.context.res, from, state);
    if (this.#state !== from && (state.name === 'ended' || state.name === 'discarding')) this.#events.onEnd();
  }

  write(args: readonly unknown[]): boolean {
    const { context } = this;
    const state = this.#state;
    if (state.name === 'passing' ? !state.decision.bare : state.name === 'ended' && state.passed) {
      return context.call('write', args) as boolean;
    }
    const given = readArguments(args);
    if (state.name === 'discarding') return dropChunk(this, given.callback);
    if (hasEnded(state)) return reportLate(context, given, state.name === 'streaming');
    if (context.isOver) return context.call('write', withoutBytes(given)) as boolean;
    if (state.name === 'streaming') return state.writer.write(bytesOf(given), given.callback);
    if (state.name === 'passing') return context.confirm(given.callback);
    return this.#mayPass() ? this.#beginOpen(args, given) : this.#beginRestricted(args, given, false);
  }

  end(args: readonly unknown[]): void {
    const { context } = this;
    const state = this.#state;
    const given = readArguments(args);
    const { chunk, callback } = given;
    if (state.name === 'passing' && !state.decision.bare) this.#endPassing(args, state.decision);
    else if (state.name === 'ended' && state.passed) context.call('end', args);
    else if (state.name === 'discarding') dropEnd(context, this, callback);
    else if (hasEnded(state))
      void (chunk ? reportLate(context, given, state.name === 'streaming') : whenOver(context, this, callback));
    else if (context.isOver) context.call('end', chunk ? withoutBytes(given) : args);
    else if (state.name === 'streaming') this.#endStream(state.writer, chunk ? bytesOf(given) : NOTHING, callback);
    else if (state.name === 'passing') {
      whenOver(context, this, callback);
      this.finish(NOTHING);
    } else if (this.expected === undefined && this.#mayPass()) {
      this.#transition(PASSING);
      this.#endPassing(args, PASS);
    } else this.#beginRestricted(args, given, true);
  }

  writeHead(args: readonly unknown[]): unknown {
    const { res } = this.context;
    const { name } = this.#state;
    if (name === 'discarding' || name === 'held') return res;
    if (this.context.isHeadSent || !isStatus(args[0])) return this.context.call('writeHead', args);
    if (name === 'undecided' && this.head.writeOpenList(args)) {
      this.#transition({ name: 'head-sent', open: true });
      return res;
    }
    applyHead(res, Number(args[0]) | 0, args[1], args[2]);
    if (name === 'undecided') this.#writeHandlerHead(args.length === 1);
    else this.#writeHead();
    return res;
  }

  /** Whether nothing has to be removed now, nor had to be when the head was sent. */
  #mayPass(): boolean {
    return !(this.#state.name === 'head-sent' && !this.#state.open) && this.head.decideOpen();
  }

  /** The first chunk of a body from which nothing has to be removed. */
  #beginOpen(args: readonly unknown[], given: WriteArguments): boolean {
    const bytes = isChunk(given) ? bytesOf(given) : NOTHING;
    // Not the first byte yet: white space keeps the connection alive, and Node itself rejects other values.
    if (bytes.length === 0 || (this.head.allowsBlanks && skipWhiteSpace(bytes, 0) === bytes.length)) {
      return this.context.call('write', args) as boolean;
    }
    const decision = this.head.decide('more');
    if (decision.kind === 'stream') return this.#startStream(decision).write(bytes, given.callback);
    this.#transition(PASSING);
    return this.context.passThrough(args);
  }

  /** The first chunk, or the end, of a body from which something may have to be removed. */
  #beginRestricted(args: readonly unknown[], given: WriteArguments, isEnd: boolean): boolean {
    const { context, head } = this;
    const bytes = isEnd && !given.chunk ? NOTHING : bytesOf(given);
    if (!isEnd && bytes.length === 0) return context.confirm(given.callback);
    if (isEnd) whenOver(context, this, given.callback);
    const written = writtenHead(this.#state, context.isHeadSent);
    const { expected } = this;
    if (isEnd && written === 'none' && expected && (given.chunk ? given.chunk === expected.bytes : !head.allowsBody)) {
      head.acceptRedacted(expected.source);
      this.#transition({ name: 'express' });
      this.finish(bytes);
      return true;
    }
    const decision = head.decideFirst(written, !isEnd ? 'more' : bytes.length > 0 ? 'whole' : 'none', bytes);
    if (decision.kind === 'replace' || decision.kind === 'reject') this.#reject(decision.reason);
    else if (decision.kind === 'stream') {
      const writer = this.#startStream(decision);
      if (!isEnd) return writer.write(bytes, given.callback);
      this.#endStream(writer, bytes, undefined);
    } else if (decision.kind === 'pass-through') {
      this.#transition({ name: 'passing', decision });
      // A body that was looked at must not change before it is sent. One that is vouched for by its type is not copied.
      if (isEnd) this.finish(decision.bare ? NOTHING : decision.vouched ? bytes : copyIfShared(bytes, bytes));
      else if (decision.bare) return this.deliver(NOTHING, given.callback);
      else return this.#commit() ? this.#orStartOver(() => context.passThrough(args)) : dropChunk(this, given.callback);
    }
    return isEnd || dropChunk(this, given.callback);
  }

  #startStream(decision: StreamDecision): BodyWriter {
    if (this.head.isRestricted) this.#detectBypass();
    const writer = new BodyWriter(decision, this.context, this);
    this.#transition({ name: 'streaming', writer });
    return writer;
  }

  #endStream(writer: BodyWriter, bytes: Uint8Array, callback: Callback | undefined): void {
    const { res } = this.context;
    if (this.head.isRestricted) whenOver(this.context, this, callback);
    else this.#endCallback = callback;
    writer.end(bytes);
    // Ended for the handler, while the decoder is still at work.
    if (this.#state.name === 'streaming' && hasEnded(this.#state)) {
      Object.defineProperty(res, 'writableEnded', { value: true, configurable: true });
    }
  }

  #endPassing(args: readonly unknown[], passed: PassThrough): void {
    this.#orStartOver(() => this.context.call('end', args));
    this.#transition({ name: 'ended', passed, policy: undefined });
  }

  /** The next redacted bytes of the body. Returns false if no more should come until the response has drained. */
  deliver(bytes: Uint8Array, callback?: Callback): boolean {
    const { context } = this;
    // A delayed head needs bytes to follow.
    const isSilent = bytes.length === 0 && context.isPatched;
    if (isSilent ? this.isRejected : !this.#commit()) return dropChunk(this, callback);
    return bytes.length > 0 ? this.#orStartOver(() => context.write(bytes, callback)) : context.confirm(callback);
  }

  /** The last redacted bytes of the body. */
  finish(bytes: Uint8Array): void {
    const { context, head } = this;
    const state = this.#state;
    const writer = state.name === 'streaming' ? state.writer : undefined;
    const policy = writer?.policy ?? this.expected?.policy;
    head.complete(bytes.length, writer?.withheld ?? head.withheld);
    if (!this.#commit()) return;
    if (head.changesBody) removeTrailerMeasures(context.res);
    this.#transition({ name: 'ended', passed: undefined, policy });
    // Another error response may have been sent while the head was written.
    if (context.isOver) whenOver(context, this, this.#endCallback);
    else this.#orStartOver(() => context.end(bytes, this.#endCallback));
    this.#events.onEnd();
  }

  /** The handler wrote the head, flushed it, or wrote bytes past us, for which Node writes it. */
  #writeHandlerHead(isImplicit: boolean): void {
    const { head } = this;
    const decision = head.decide('unknown');
    if (head.isRestricted) this.#detectBypass();
    if (decision.kind === 'pass-through' && head.isRestricted) this.#transition({ name: 'passing', decision });
    else if (decision.kind === 'pass-through' || decision.kind === 'stream') {
      this.#transition({ name: 'head-sent', open: !head.isRestricted });
    } else if (decision.kind === 'reject' && isImplicit && head.isUnreadable) {
      this.#reject(decision.reason, true);
      return;
    } else {
      this.#transition({ name: 'held' });
      return;
    }
    this.#orStartOver(() => this.#writeHead());
  }

  #writeHead(): void {
    if (!this.head.write()) this.#reject(CHANGED);
  }

  /** Returns false if the response was rejected. */
  #commit(): boolean {
    const { head } = this;
    if (!head.hasBegun && !this.isRejected) {
      this.#orStartOver(() => {
        head.commit();
        if (!head.hasBegun && !this.isRejected) this.#writeHead();
      });
    }
    return !this.isRejected;
  }

  /** Runs a step that writes the head. If it throws and nothing has been sent, the next body is decided independently. */
  #orStartOver<T>(step: () => T): T {
    try {
      return step();
    } catch (thrown) {
      if (!this.context.isHeadSent && !this.isRejected) {
        if (this.#state.name === 'streaming') this.#state.writer.destroy();
        this.head.startOver();
        this.#transition(UNDECIDED);
      }
      throw thrown;
    }
  }

  #detectBypass(): void {
    this.context.detectBypass(() => this.#reject(BYPASSED));
  }

  #reject(reason: string, isInHead = false): void {
    this.fail(new KeyscopeError('unredactable_response', reason), isInHead);
  }

  /** Rejects the response. It is final: what the handler goes on to write is discarded. */
  fail(cause: unknown, isInHead = false): void {
    const { context } = this;
    const { res } = context;
    const state = this.#state;
    if (state.name === 'discarding') return;
    const error = asKeyscopeError(cause);
    if (state.name === 'streaming') state.writer.destroy();
    // An error response keeps its status, and only its body is replaced.
    if (!this.head.hasBegun && res.statusCode >= 400 && error.code === 'unredactable_response') {
      this.#transition({ name: 'discarding' });
      this.#events.onReject(undefined);
      return;
    }
    this.error = error;
    this.#transition({ name: 'discarding' });
    whenOver(context, this, this.#endCallback);
    context.releaseSources();
    const respond = (): void => {
      if (res.destroyed) return;
      if (this.head.hasBegun || context.isOver) this.#events.onAbort(error);
      else this.#events.onReject(error);
    };
    // A head that we did not ask for may be Node's, for bytes that bypass us: those must not find another response.
    if (isInHead || context.isCalling) process.nextTick(respond);
    else respond();
  }
}
