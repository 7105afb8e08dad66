import { KeyscopeError } from '../../errors';
import { restricts, type Withheld } from '../subject';
import { redactValue } from '../values';
import type { Framing } from './content';
import type { Method, Methods } from './downstream';
import type { ExpressCheck } from './express';
import { createBodyFilter } from './framing';
import { joined } from './framing/body-filter';
import { forgetBody, headerText } from './headers';
import type { Interception } from './interception';
import { withCondition } from './request';

type Sender = 'json' | 'jsonp' | 'send';

const CHARSET = /;[ \t]*charset[ \t]*=/i;

/** The type of a text as `res.send` would write it: in UTF-8, and saying so. */
function inUtf8(contentType: string): string {
  return CHARSET.test(contentType) ? contentType : `${contentType}; charset=utf-8`;
}

/**
 * `res.json`, `res.jsonp` and `res.send`: what they are given is cut down before Express makes bytes, a length and an `ETag`
 * of it, so that all of these are of the redacted body, and HEAD and 304 are right.
 *
 * Express is trusted with the result only where nothing else can come between: its own methods do no more than they say, and
 * `res.end` still leads straight to us. Otherwise, what arrives at `end` is filtered as bytes.
 */
export function objectHooks(interception: Interception, end: Method, sendsWhatItIsGiven: ExpressCheck): Methods {
  const it = interception;
  const { req, res } = it;

  /** Looked up each time: mounted applications put their own methods below ours. */
  function express(name: Sender, args: readonly unknown[]): unknown {
    const method = (Object.getPrototypeOf(res) as Methods)[name]!;
    return Reflect.apply(method, res, args);
  }

  function mayTrustExpress(args: readonly unknown[]): boolean {
    return (
      args.length === 1 &&
      it.phase === 'open' &&
      !res.headersSent &&
      (res as unknown as Methods).end === end &&
      sendsWhatItIsGiven(req, res)
    );
  }

  /** How a body of this type would lie; undefined where Express is not to be trusted with it. HEAD is asked as GET. */
  function framingAs(contentType: string): Framing | undefined {
    const decision = it.decide({ ...it.facts(), method: 'GET', contentType });
    if (decision.action === 'pass') return decision.vouched ? undefined : 'json';
    return decision.action === 'filter' && decision.coding === null ? decision.framing : undefined;
  }

  /** Has Express send what has been cut down. */
  function sendTrusted(withheld: readonly Withheld[], send: () => void): void {
    forgetBody(res);
    it.withheld = withheld;
    it.phase = 'trusted';
    try {
      withCondition(req, it.withdrawn, send);
    } finally {
      if ((it.phase as string) === 'trusted') it.phase = 'open';
    }
  }

  function sendObject(name: 'json' | 'jsonp', args: readonly unknown[]): unknown {
    if (!mayTrustExpress(args) || req.app.get('json replacer')) return express(name, args);
    if (framingAs(headerText(res, 'content-type') ?? 'application/json') !== 'json') return express(name, args);
    const redacted = redactValue(args[0], it.filterTerms.fields, it.subject);
    // What only JSON.stringify can print is cut down as text, when it comes to send().
    if (redacted.needsText) return express(name, args);
    sendTrusted(redacted.withheld, () => express(name, [redacted.value]));
    return res;
  }

  function sendText(text: string | Buffer, contentType: string, framing: Framing): unknown {
    const filter = createBodyFilter(framing, it.filterTerms);
    let bytes: Uint8Array;
    try {
      bytes = joined(filter.push(typeof text === 'string' ? Buffer.from(text) : text), filter.end());
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      it.refuse(error);
      return res;
    }
    if (typeof text === 'string') res.setHeader('Content-Type', inUtf8(contentType));
    sendTrusted(filter.withheld, () => express('send', [bytes]));
    return res;
  }

  function json(...args: unknown[]): unknown {
    return sendObject('json', args);
  }

  function jsonp(...args: unknown[]): unknown {
    return sendObject('jsonp', args);
  }

  function send(...args: unknown[]): unknown {
    const [body] = args;
    const contentType = headerText(res, 'content-type');
    const isText = typeof body === 'string' || Buffer.isBuffer(body);
    if (!isText || body.length === 0 || contentType === undefined || !mayTrustExpress(args))
      return express('send', args);
    const framing = framingAs(contentType);
    if (framing === undefined) return express('send', args);
    if (restricts(it.subject)) return sendText(body, contentType, framing);
    sendTrusted([], () => express('send', args));
    return res;
  }

  return { json, jsonp, send } satisfies Methods;
}
