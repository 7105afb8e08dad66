import { KeyscopeError } from '../../errors';
import { restricts, type Withheld } from '../subject';
import { redactValue } from '../values';
import type { Framing } from './content';
import type { Method, Methods } from './downstream';
import { type ExpressCheck, jsonText } from './express';
import { createBodyFilter } from './framing';
import { joined } from './framing/body-filter';
import { forgetBody, headerText } from './headers';
import type { Interception } from './interception';
import { withCondition } from './request';

const CHARSET = /;[ \t]*charset[ \t]*=/i;

/** The type of a text as `res.send` would write it: in UTF-8, and saying so. */
function inUtf8(contentType: string): string {
  return CHARSET.test(contentType) ? contentType : `${contentType}; charset=utf-8`;
}

/**
 * `res.json` and `res.send`: what they are given is cut down before Express makes a length and an `ETag` of it, so that both
 * are of the redacted body, and HEAD and 304 are right.
 *
 * Express sends the bytes we have made. Where it, or anything between, comes to `end` with other bytes than those, they are
 * filtered like any. Where an application has its own `json` or `send`, those are called, and what comes of it is filtered.
 */
export function objectHooks(
  interception: Interception,
  end: Method,
  isExpress: ExpressCheck,
): { json: Method; send: Method } {
  const it = interception;
  const { req, res } = it;

  /** Looked up each time: mounted applications put their own methods below ours. */
  function express(name: 'json' | 'send', args: readonly unknown[]): unknown {
    const method = (Object.getPrototypeOf(res) as Methods)[name]!;
    return Reflect.apply(method, res, args);
  }

  function maySend(args: readonly unknown[]): boolean {
    it.lookAgain();
    return args.length === 1 && it.phase === 'open' && !res.headersSent && (res as unknown as Methods).end === end;
  }

  /** How a body of this type would lie; undefined where it is not for us to cut down. HEAD is asked as GET. */
  function framingAs(contentType: string): Framing | undefined {
    const decision = it.decide({ ...it.facts(), method: 'GET', contentType });
    if (decision.action === 'pass') return decision.vouched ? undefined : 'json';
    return decision.action === 'filter' && decision.coding === null ? decision.framing : undefined;
  }

  /** Has Express send what has been cut down. */
  function sendBytes(bytes: Uint8Array, withheld: readonly Withheld[]): void {
    forgetBody(res);
    it.withheld = withheld;
    it.trusted = bytes;
    try {
      withCondition(req, it.withdrawn, () => void express('send', [bytes]));
    } finally {
      it.trusted = undefined;
    }
  }

  function json(...args: unknown[]): unknown {
    if (!maySend(args) || !isExpress(req, res) || req.app.get('json replacer')) return express('json', args);
    const contentType = headerText(res, 'content-type');
    if (framingAs(contentType ?? 'application/json') !== 'json') return express('json', args);
    const redacted = redactValue(args[0], it.filterTerms.fields, it.subject);
    // What only JSON.stringify can print is cut down as text, when it comes to send().
    const text = redacted.needsText ? undefined : jsonText(redacted.value, req.app);
    if (redacted.needsText || text === undefined) return express('json', args);
    if (contentType === undefined) res.set('Content-Type', 'application/json');
    else res.setHeader('Content-Type', inUtf8(contentType));
    sendBytes(Buffer.from(text), redacted.withheld);
    return res;
  }

  function sendText(body: string | Buffer, contentType: string, framing: Framing): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const filter = restricts(it.subject) ? createBodyFilter(framing, it.filterTerms) : undefined;
    let leaving: Uint8Array;
    try {
      leaving = filter ? joined(filter.push(bytes), filter.end()) : bytes;
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      it.refuse(error);
      return;
    }
    if (typeof body === 'string') res.setHeader('Content-Type', inUtf8(contentType));
    sendBytes(leaving, filter?.withheld ?? []);
  }

  function send(...args: unknown[]): unknown {
    const [body] = args;
    const isText = typeof body === 'string' || Buffer.isBuffer(body);
    const contentType = headerText(res, 'content-type');
    if (!isText || body.length === 0 || contentType === undefined) return express('send', args);
    if (!maySend(args) || !isExpress(req, res)) return express('send', args);
    const framing = framingAs(contentType);
    if (framing === undefined) return express('send', args);
    sendText(body, contentType, framing);
    return res;
  }

  return { json, send };
}
