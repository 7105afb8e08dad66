import { FEATURE_NAMES } from '../../features';
import { featuresOf, type PolicySource, restricts, type Withheld, withheldBy } from '../policy';
import {
  type BodyDecision,
  decideBody,
  formatFor,
  type KnownBody,
  OBJECT,
  PASS,
  type ResponseFacts,
} from './body-decision';
import { NOTHING } from './formats/body-filter';
import { codingOf } from './media-type';
import { mayConfirm, restoreAcceptEncoding } from './request-headers';
import type { ResponseContext } from './response-context';
import * as headers from './response-headers';
import type { WrittenHead } from './response-state';
import { isKnownText } from './status-texts';

const UNCHECKED = 'The head of the response was sent before it could be checked.';
const STRICTER = 'The configuration of the project changed after the head of the response was sent.';
const BODILESS = new Set([204, 205, 304]);
/** If one of these is set, a length has been said, or must not be (RFC 9112 section 6.2; trailers need chunks). */
const LENGTHS = ['content-length', 'transfer-encoding', 'trailer'];

/** The facts that other middleware may change after the decision. */
type Labels = Pick<ResponseFacts, 'status' | 'contentType' | 'contentEncoding' | 'sendsFile'>;

/** The facts of this moment, of a response and its request. */
export function readFacts(
  { req, res, hidden }: Pick<ResponseContext, 'req' | 'res' | 'hidden'>,
  open: boolean,
  body: KnownBody,
  knownText: boolean,
  method: string,
): ResponseFacts {
  return {
    open,
    body,
    knownText,
    method,
    status: res.statusCode | 0,
    contentType: headers.headerText(res, 'content-type'),
    contentEncoding: headers.headerText(res, 'content-encoding'),
    contentRange: headers.headerText(res, 'content-range'),
    sendsFile: (headers.headerKinds(res) & headers.SENDFILE) !== 0,
    mayConfirm: res.statusCode === 304 && mayConfirm(req, hidden),
    confirmsListed: hidden?.revealed === true,
  };
}

/** The head of one response: the facts that decide about the body, and the headers that follow from the decision. */
export class ResponseHead {
  /** The length of the whole body, if it is known. */
  length: number | undefined = undefined;
  /** The features whose fields have been removed from a whole body that mixes projects. */
  withheld: readonly Withheld[] | undefined = undefined;
  readonly #context: ResponseContext;
  #decision: BodyDecision = PASS;
  #source: PolicySource | undefined = undefined;
  /** The facts that the decision depends on; undefined if it depends on none. */
  #facts: Labels | undefined = undefined;
  /** Whether the headers are those of the decision. From then on, only other middleware and Node change and write them. */
  #isCorrected = false;
  /** Whether Node writes the head when the body is given to it. */
  #isDelayed = false;

  constructor(context: ResponseContext) {
    this.#context = context;
  }

  /** Whether something could have to be removed when the decision was made. */
  get isRestricted(): boolean {
    return this.#source !== undefined && restricts(this.#source);
  }

  /** Whether the body may be another than the handler's, so that what measures it is removed. */
  get changesBody(): boolean {
    const decision = this.#decision;
    return this.isRestricted && !(decision.kind === 'pass-through' && decision.vouched && !decision.bare);
  }

  /** Decides to pass the body through if nothing has to be removed by the policy of this moment. */
  decideOpen(): boolean {
    const source = this.#context.getPolicy();
    if (restricts(source)) return false;
    this.#source = source;
    this.#facts = undefined;
    this.#decision = PASS;
    return true;
  }

  /** Decides, from the policy and the head of this moment. */
  decide(body: KnownBody, bytes: Uint8Array = NOTHING): BodyDecision {
    const { req, res, route } = this.#context;
    this.#source = this.#context.getPolicy();
    this.#facts = undefined;
    this.#decision = PASS;
    const open = !restricts(this.#source);
    if (open && body !== 'more') return PASS;
    const knownText = !open && body === 'whole' && isKnownText(bytes, req, res);
    const facts = readFacts(this.#context, open, body, knownText, req.method);
    if (!open) this.#facts = facts;
    this.#decision = decideBody(facts, route.options);
    return this.#decision;
  }

  /** Decides at the first byte of a body, or at its end. */
  decideFirst(written: WrittenHead, body: KnownBody, bytes: Uint8Array): BodyDecision {
    if (written === 'restricted') return this.#decision;
    const decision = this.decide(body, bytes);
    if (written === 'unchecked') return { kind: 'reject', reason: UNCHECKED };
    // The head says what the unredacted body is.
    return written === 'open' && decision.kind === 'stream' && !this.fitsStream
      ? { kind: 'reject', reason: STRICTER }
      : decision;
  }

  /** The decision for a body, if it were sent now. HEAD is decided as GET, because it has the same length and tag. */
  preview(body: KnownBody): BodyDecision {
    const { req, route } = this.#context;
    const method = req.method === 'HEAD' ? 'GET' : req.method;
    return decideBody(readFacts(this.#context, false, body, false, method), route.options);
  }

  /** The body is one that Express makes of bytes that were redacted by `source`. Its length and tag are theirs. */
  acceptRedacted(source: PolicySource): void {
    const { res } = this.#context;
    this.#source = source;
    this.#facts = {
      status: res.statusCode | 0,
      contentType: headers.headerText(res, 'content-type'),
      contentEncoding: headers.headerText(res, 'content-encoding'),
      sendsFile: false,
    };
    this.#decision = OBJECT;
  }

  /** Whether the decision still holds for the headers as they are, which other middleware may have changed since. */
  #holds(sendsFile: boolean): boolean {
    const { res } = this.#context;
    const facts = this.#facts;
    return (
      facts === undefined ||
      (facts.status === (res.statusCode | 0) &&
        facts.contentType === headers.headerText(res, 'content-type') &&
        facts.contentEncoding === headers.headerText(res, 'content-encoding') &&
        facts.sendsFile === sendsFile)
    );
  }

  /** Whether a body that was open when the head was sent can be filtered now: the head must not say what the body was. */
  get fitsStream(): boolean {
    const { res } = this.#context;
    const hasMeasures = (headers.headerKinds(res) & headers.MEASURE) !== 0;
    return codingOf(headers.headerText(res, 'content-encoding')) === null && !hasMeasures;
  }

  /** Whether the type is declared, and no text or JSON can be of it. */
  get isUnreadable(): boolean {
    const contentType = headers.headerText(this.#context.res, 'content-type');
    return contentType !== undefined && !/^text\/(?:plain|html)\b/i.test(contentType);
  }

  /** Whether a response with this method and status has a body: not HEAD, No Content, Reset Content, Not Modified. */
  get allowsBody(): boolean {
    const { req, res } = this.#context;
    return req.method !== 'HEAD' && res.statusCode >= 200 && !BODILESS.has(res.statusCode);
  }

  /** Whether white space keeps the connection alive before a body of this type. */
  get allowsBlanks(): boolean {
    const { res, route } = this.#context;
    const format = formatFor(headers.headerText(res, 'content-type'), route.options.formats);
    return format === 'json' && codingOf(headers.headerText(res, 'content-encoding')) === null;
  }

  /** Whether Node, or middleware that was mounted before us, has been given a part of the response. */
  get hasBegun(): boolean {
    return this.#context.isHeadSent || this.#isCorrected;
  }

  /** The whole body is known, or the rest of a stream. */
  complete(length: number, withheld: readonly Withheld[] | undefined): void {
    if (this.#context.isHeadSent) return;
    if (this.allowsBody) this.length = length;
    this.withheld = withheld;
  }

  /**
   * Writes the head through the middleware that replaced `writeHead` after us. If others replaced `write` or `end` before us, the
   * headers are only corrected: those may set some when they are called, and Node writes the head after that.
   */
  commit(): void {
    const { res, isPatched } = this.#context;
    this.#isDelayed = isPatched;
    try {
      res.writeHead(res.statusCode);
    } finally {
      this.#isDelayed = false;
    }
  }

  /** Corrects the headers and writes them. Returns false if the decision does not hold for them any more. */
  write(): boolean {
    const { res } = this.#context;
    if (!this.#isCorrected && !this.#correct()) return false;
    if (!this.#isDelayed) this.#context.call('writeHead', [res.statusCode]);
    return true;
  }

  #correct(): boolean {
    const { req, res, hidden, route } = this.#context;
    const kinds = headers.headerKinds(res);
    if (!this.#holds((kinds & headers.SENDFILE) !== 0)) return false;
    if (this.changesBody) this.#redact(this.#decision);
    if (this.length !== undefined && !LENGTHS.some((name) => res.hasHeader(name))) {
      res.setHeader('Content-Length', this.length);
    }
    headers.setPrivateCaching(res, route.deps.vary, kinds);
    if (hidden) restoreAcceptEncoding(req, hidden);
    if (Object.hasOwn(res, 'headersSent')) Reflect.deleteProperty(res, 'headersSent');
    this.#isCorrected = true;
    return true;
  }

  /** The head could not be written. The next body has another. */
  startOver(): void {
    this.length = this.withheld = undefined;
    this.#isCorrected = false;
  }

  /**
   * Writes a list of headers, if nothing has to be removed from the body. Node versions merge lists in different ways, so Node gets
   * the list. Returns false if these are other arguments.
   */
  writeOpenList(args: readonly unknown[]): boolean {
    const { res, route } = this.#context;
    if (!Array.isArray(args.at(-1)) || this.#context.isRestricted || res.getHeaderNames().length === 0) return false;
    this.decide('unknown');
    this.#context.beforeHeaders(() => headers.setPrivateCaching(res, route.deps.vary));
    this.#context.call('writeHead', args);
    return true;
  }

  #redact(decision: BodyDecision): void {
    const { req, res, route } = this.#context;
    const isStream = decision.kind === 'stream';
    const isBare = decision.kind === 'pass-through' && decision.bare;
    if (isStream || isBare) headers.removeMeasures(res);
    if (isBare || (isStream && decision.coding !== null)) res.removeHeader('content-encoding');
    const withheld = this.#readWithheld(isStream);
    headers.setRedactedHeader(res, withheld);
    if (withheld.length > 0) route.deps.onRedacted?.(req, withheld);
  }

  /** The features that the project has not enabled. A stream that mixes projects names both, because they are not known yet. */
  #readWithheld(isStream: boolean): readonly Withheld[] {
    const features = featuresOf(this.#source!);
    if (features !== undefined) return withheldBy(features);
    if (this.withheld !== undefined) return this.withheld;
    return isStream || this.#context.req.method === 'HEAD' ? FEATURE_NAMES : [];
  }
}
