import type { Request, Response } from 'express';
import type { ResolvedRedactOptions } from '../options';
import { featuresOf, type PolicySource, restricts, type Withheld, withheldBy } from '../policy';
import { type BodyDecision, decideBody, formatFor, type KnownBody } from './body-decision';
import type { DrainEvents } from './drain-events';
import { NOTHING } from './formats/body-filter';
import { codingOf } from './media-type';
import type { OriginalResponse } from './original-response';
import { type HiddenHeaders, mayConfirm, restoreAcceptEncoding } from './request-headers';
import * as headers from './response-headers';
import { isKnownText } from './status-texts';

/** The surroundings of one response. */
export interface ResponseContext {
  readonly req: Request;
  readonly res: Response;
  readonly original: OriginalResponse;
  readonly options: ResolvedRedactOptions;
  /** The request header that carries the token, in lower case: responses vary on it. */
  readonly keyHeader: string;
  /** Reads the policy of this moment. */
  getPolicy(): PolicySource;
  /** Undefined if everything was enabled when the request arrived. */
  readonly hidden: HiddenHeaders | undefined;
  /** Whether `res.json` and `res.send` are those of Express. */
  readonly isExpress: boolean;
  /** Set if other middleware would move listeners of `'drain'` out of reach. */
  readonly drain: DrainEvents | undefined;
  onRedacted(withheld: readonly Withheld[]): void;
}

/**
 * The head when the first byte of a body comes. `open`: it was sent when nothing had to be removed. `restricted`: it was sent with a
 * decision that holds. `unchecked`: it was sent without our knowledge.
 */
export type WrittenHead = 'none' | 'open' | 'restricted' | 'unchecked';

const UNCHECKED = 'The head of the response was sent before it could be checked.';
const STRICTER = 'The configuration of the project changed after the head of the response was sent.';
const PASS: BodyDecision = { kind: 'pass-through', bare: false, vouched: false };
const BODILESS = new Set([204, 205, 304]);
const BOTH: readonly Withheld[] = ['transcript', 'metrics'];
/** If one of these is set, a length has been said, or must not be (RFC 9112 section 6.2; trailers need chunks). */
const LENGTHS = ['content-length', 'transfer-encoding', 'trailer'];

/** The head of one response: the facts that decide about the body, and the headers that follow from the decision. */
export class ResponseHead {
  /** The length of the whole body, if it is known. */
  length: number | undefined;
  /** The features whose fields have been removed from a whole body that mixes projects. */
  withheld: readonly Withheld[] | undefined;
  readonly #context: ResponseContext;
  #decision: BodyDecision = PASS;
  #source: PolicySource | undefined;
  /** The status, type and coding that the decision depends on; undefined if it does not depend on them. */
  #basis: string | undefined;
  #isRedacted = false;

  constructor(context: ResponseContext) {
    this.#context = context;
  }

  get decision(): BodyDecision {
    return this.#decision;
  }

  /** Whether something could have to be removed when the decision was made. */
  get isRestricted(): boolean {
    return this.#source !== undefined && restricts(this.#source);
  }

  get isOpen(): boolean {
    return !restricts(this.#context.getPolicy());
  }

  /** Whether the body may be another than the handler's, so that what measures it is removed. */
  get changesBody(): boolean {
    const decision = this.#decision;
    return this.isRestricted && !(decision.kind === 'pass-through' && decision.vouched && !decision.bare);
  }

  /** Decides, from the policy and the head of this moment. `isRedacted`: the body is one that Express makes of redacted bytes. */
  decide(body: KnownBody, bytes: Uint8Array = NOTHING, isRedacted = false): BodyDecision {
    const { req, res, options, hidden } = this.#context;
    this.#source = this.#context.getPolicy();
    this.#isRedacted = isRedacted;
    const open = !restricts(this.#source);
    if (open && body !== 'more') {
      this.#basis = undefined;
      this.#decision = PASS;
      return PASS;
    }
    const facts = this.#facts(body, headers.headerText(res, 'content-type'), open);
    const confirms = !isRedacted && mayConfirm(req, hidden);
    const knownText = !open && !isRedacted && body === 'whole' && isKnownText(bytes, req, res);
    this.#basis = open ? undefined : this.#readBasis();
    const confirmsListed = hidden?.revealed === true;
    this.#decision = decideBody({ ...facts, mayConfirm: confirms, confirmsListed, knownText }, options);
    return this.#decision;
  }

  /** Decides at the first byte of a body, or at its end. */
  decideFirst(written: WrittenHead, body: KnownBody, bytes: Uint8Array, isRedacted: boolean): BodyDecision {
    if (written === 'restricted') return this.#decision;
    const decision = this.decide(body, bytes, isRedacted);
    if (written === 'unchecked') return { kind: 'reject', reason: UNCHECKED };
    // The head says what the unredacted body is.
    return written === 'open' && decision.kind === 'stream' && !this.fitsStream
      ? { kind: 'reject', reason: STRICTER }
      : decision;
  }

  /** The decision for a body of this type, if it were sent now. HEAD is decided as the GET whose length and tag it tells. */
  decideAs(body: KnownBody, contentType: string | undefined): BodyDecision {
    const { options, req } = this.#context;
    const facts = this.#facts(body, contentType, this.isOpen);
    return decideBody({ ...facts, method: req.method === 'HEAD' ? 'GET' : req.method }, options);
  }

  #facts(body: KnownBody, contentType: string | undefined, open: boolean) {
    const { req, res } = this.#context;
    return {
      open,
      body,
      contentType,
      method: req.method,
      status: res.statusCode | 0,
      contentEncoding: headers.headerText(res, 'content-encoding'),
      contentRange: headers.headerText(res, 'content-range'),
      sendfile: headers.sendfileHeader(res),
      mayConfirm: false,
      confirmsListed: false,
      knownText: false,
    };
  }

  #readBasis(): string {
    const { res } = this.#context;
    const { headerText, sendfileHeader } = headers;
    return `${res.statusCode | 0} ${headerText(res, 'content-type')} ${headerText(res, 'content-encoding')} ${sendfileHeader(res)}`;
  }

  /** Whether the decision still holds for the headers as they are, which other middleware may have changed since. */
  get holds(): boolean {
    return this.#basis === undefined || this.#basis === this.#readBasis();
  }

  /** Whether a body that was open when the head was sent can be filtered now: the head must not say what the body was. */
  get fitsStream(): boolean {
    const { res } = this.#context;
    return codingOf(headers.headerText(res, 'content-encoding')) === null && !headers.hasMeasures(res);
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
    const { res, options } = this.#context;
    const format = formatFor(headers.headerText(res, 'content-type'), options.formats);
    return format === 'json' && codingOf(headers.headerText(res, 'content-encoding')) === null;
  }

  /** Corrects the headers and writes them. */
  write(): void {
    const { req, res, original, hidden, keyHeader } = this.#context;
    if (this.changesBody) this.#redact(this.#decision);
    if (this.length !== undefined && !LENGTHS.some((name) => res.hasHeader(name))) {
      res.setHeader('Content-Length', this.length);
    }
    headers.setPrivateCaching(res, keyHeader);
    if (hidden) restoreAcceptEncoding(req, hidden);
    original.call('writeHead', [res.statusCode]);
  }

  /**
   * Writes a list of headers, if nothing has to be removed from the body. Node versions merge lists in different ways, so Node gets
   * the list. Returns false if these are other arguments.
   */
  writeOpenList(args: readonly unknown[]): boolean {
    const { res, original, keyHeader } = this.#context;
    if (!Array.isArray(args.at(-1)) || !this.isOpen || res.getHeaderNames().length === 0) return false;
    this.decide('unknown');
    original.beforeHeaders(() => headers.setPrivateCaching(res, keyHeader));
    original.call('writeHead', args);
    return true;
  }

  #redact(decision: BodyDecision): void {
    const { res } = this.#context;
    const isStream = decision.kind === 'stream';
    const isBare = decision.kind === 'pass-through' && decision.bare;
    if (!this.#isRedacted && (isStream || isBare)) headers.removeMeasures(res);
    if (isBare || (isStream && decision.coding !== null)) res.removeHeader('content-encoding');
    const withheld = this.#readWithheld(isStream);
    headers.setRedactedHeader(res, withheld);
    if (withheld.length > 0) this.#context.onRedacted(withheld);
  }

  /** The features that the project has not enabled. A stream that mixes projects names both, because they are not known yet. */
  #readWithheld(isStream: boolean): readonly Withheld[] {
    const features = featuresOf(this.#source!);
    if (features !== undefined) return withheldBy(features);
    if (this.withheld !== undefined) return this.withheld;
    return isStream || this.#context.req.method === 'HEAD' ? BOTH : [];
  }
}
