import { KeyscopeError } from '../../errors';
import { redactValue } from '../object-redactor';
import { restricts, type Withheld } from '../policy';
import { type ExpressCheck, jsonText } from './express-json';
import { createBodyFilter } from './formats';
import { joined, ours } from './formats/body-filter';
import type { Framing } from './media-type';
import type { Method, Methods } from './original-response';
import { withCondition } from './request-headers';
import { forgetBody, headerText } from './response-headers';
import type { Interception } from './response-interceptor';

const CHARSET = /;[ \t]*charset[ \t]*=/i;

/** The type of a text as `res.send` would write it: in UTF-8, and saying so. */
function inUtf8(contentType: string): string {
  return CHARSET.test(contentType) ? contentType : `${contentType}; charset=utf-8`;
}

interface CutDown {
  readonly text: string;
  readonly withheld: readonly Withheld[];
}

/**
 * `res.json` and `res.send`: what they are given is cut down before Express makes a length and an `ETag` of it, so that both
 * are of the redacted body, and HEAD and 304 are right.
 *
 * Express sends the bytes we have made. Where it, or anything between, comes to `end` with other bytes than those, they are
 * filtered like any. Where an application has its own `json` or `send`, those are called, and what comes of it is filtered.
 */
export class ObjectSender {
  readonly #it: Interception;
  readonly #end: Method;
  readonly #isExpress: ExpressCheck;

  /** `end` is our own, as put on the response. */
  constructor(interception: Interception, end: Method, isExpress: ExpressCheck) {
    this.#it = interception;
    this.#end = end;
    this.#isExpress = isExpress;
  }

  json(args: readonly unknown[]): unknown {
    const { req, res } = this.#it;
    if (!this.#maySend(args) || req.app.get('json replacer')) return this.#express('json', args);
    const contentType = headerText(res, 'content-type');
    if (this.#framingAs(contentType ?? 'application/json') !== 'json') return this.#express('json', args);
    let cut: CutDown | undefined;
    try {
      cut = this.#cutDown(args[0]);
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      this.#it.refuse(error);
      return res;
    }
    if (cut === undefined) return this.#express('json', args);
    if (contentType === undefined) res.set('Content-Type', 'application/json');
    else res.setHeader('Content-Type', inUtf8(contentType));
    this.#sendBytes(Buffer.from(cut.text), cut.withheld);
    return res;
  }

  /**
   * A value as text, cut down; undefined where Express is to make the text, which is cut down when it comes to `send`: of what
   * only `JSON.stringify` can print, and of what it cannot, for Express to say so in its own way.
   */
  #cutDown(value: unknown): CutDown | undefined {
    const { fields, subject } = this.#it.filterTerms;
    try {
      const redacted = redactValue(value, fields, subject);
      const text = redacted.needsText ? undefined : jsonText(redacted.value, this.#it.req.app);
      return redacted.needsText || text === undefined ? undefined : { text, withheld: redacted.withheld };
    } catch (error) {
      if (error instanceof KeyscopeError) throw error;
      return undefined;
    }
  }

  send(args: readonly unknown[]): unknown {
    const [body] = args;
    const { res } = this.#it;
    const isText = typeof body === 'string' || Buffer.isBuffer(body);
    const contentType = headerText(res, 'content-type');
    if (!isText || body.length === 0 || contentType === undefined || !this.#maySend(args)) {
      return this.#express('send', args);
    }
    const framing = this.#framingAs(contentType);
    if (framing === undefined) return this.#express('send', args);
    this.#sendText(body, contentType, framing);
    return res;
  }

  /** Looked up each time: mounted applications put their own methods below ours. */
  #express(name: 'json' | 'send', args: readonly unknown[]): unknown {
    const { res } = this.#it;
    const method = (Object.getPrototypeOf(res) as Methods)[name]!;
    return Reflect.apply(method, res, args);
  }

  #maySend(args: readonly unknown[]): boolean {
    this.#it.lookAgain();
    const { phase, req, res } = this.#it;
    if (args.length !== 1 || phase !== 'open' || res.headersSent) return false;
    return (res as unknown as Methods).end === this.#end && this.#isExpress(req, res);
  }

  /** How a body of this type would lie; undefined where it is not for us to cut down. HEAD is asked as GET. */
  #framingAs(contentType: string): Framing | undefined {
    const decision = this.#it.decide({ ...this.#it.facts(), method: 'GET', contentType });
    if (decision.action === 'pass') return decision.vouched ? undefined : 'json';
    return decision.action === 'filter' && decision.coding === null ? decision.framing : undefined;
  }

  #sendText(body: string | Buffer, contentType: string, framing: Framing): void {
    const it = this.#it;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const filter = restricts(it.subject) ? createBodyFilter(framing, it.filterTerms) : undefined;
    let leaving: Uint8Array;
    try {
      leaving = filter ? joined(filter.push(bytes), filter.end()) : bytes;
      if (bytes === body) leaving = ours(leaving, bytes);
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      it.refuse(error);
      return;
    }
    if (typeof body === 'string') it.res.setHeader('Content-Type', inUtf8(contentType));
    this.#sendBytes(leaving, filter?.withheld ?? []);
  }

  /** Has Express send what has been cut down. */
  #sendBytes(bytes: Uint8Array, withheld: readonly Withheld[]): void {
    const it = this.#it;
    forgetBody(it.res);
    it.withheld = withheld;
    it.trusted = bytes;
    try {
      withCondition(it.req, it.withdrawn, () => void this.#express('send', [bytes]));
    } finally {
      it.trusted = undefined;
    }
  }
}
