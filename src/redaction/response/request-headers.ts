import type { IncomingMessage, ServerResponse } from 'node:http';
import { removeRequestHeaders } from '../../http/edit-headers';
import { isVouched, type RouteRules } from './body-decision';
import { headerText } from './response-headers';

/** Request headers that the handler does not see. */
export interface HiddenHeaders {
  /** Whether there was a condition. */
  readonly conditional: boolean;
  /** Whether a handler has seen a condition, for a type that passes through. */
  revealed: boolean;
  /** The client's `If-None-Match`, which is compared with the tag of the redacted body. */
  readonly ifNoneMatch: string | undefined;
  /** Restored before compression for the client is decided; undefined if the client sent none. */
  readonly acceptEncoding: string | undefined;
}

const BYTE_RANGE = /^\s*bytes\s*=/i;
/** Hidden only from requests that read. On others (`PUT` with `If-Match`) they prevent lost updates. */
const CONDITIONS = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since'];
const READS = new Set(['GET', 'HEAD', 'QUERY']);
const IDENTITY = 'identity';

/** Whether a 304 could confirm the client's copy of the unredacted body. */
export function mayConfirm(req: IncomingMessage, hidden: HiddenHeaders | undefined): boolean {
  return hidden === undefined ? isConditional(req) : hidden.conditional && !hidden.revealed;
}

function isConditional({ headers }: IncomingMessage): boolean {
  return CONDITIONS.some((name) => headers[name] !== undefined);
}

/**
 * Hides the headers that a handler, a file or an upstream would answer from the unredacted body: byte ranges and conditions.
 * Asks for a response that is not compressed, which a request without `Accept-Encoding` does already.
 *
 * If the route has `passthrough` types, ranges stay, and a condition is visible once the response has such a type: `send`, which
 * serves files for Express, sets the type first.
 */
export function hideFromHandler(req: IncomingMessage, res: ServerResponse, rules: RouteRules): HiddenHeaders {
  const { headers } = req;
  const acceptEncoding = headers['accept-encoding'] as string | undefined;
  const ifNoneMatch = headers['if-none-match'];
  const conditional = READS.has(req.method ?? '') && isConditional(req);
  const hidden = { conditional, revealed: false, ifNoneMatch: conditional ? ifNoneMatch : undefined, acceptEncoding };
  if (rules.passthrough.length === 0 && headers.range !== undefined && BYTE_RANGE.test(headers.range)) {
    removeRequestHeaders(req, ['range', 'if-range']);
  }
  if (conditional) hideConditions(req, res, rules, hidden);
  // Never deleted again: the loss of a property makes the object of all headers slow.
  if (acceptEncoding !== undefined) headers['accept-encoding'] = IDENTITY;
  return hidden;
}

function hideConditions(req: IncomingMessage, res: ServerResponse, rules: RouteRules, hidden: HiddenHeaders): void {
  const { headers } = req;
  const conditions = CONDITIONS.filter((name) => headers[name] !== undefined);
  const values = conditions.map((name) => headers[name]);
  removeRequestHeaders(req, conditions);
  if (rules.passthrough.length === 0) return;
  conditions.forEach((name, i) => {
    Object.defineProperty(headers, name, {
      get() {
        const passes = isVouched(headerText(res, 'content-type'), rules);
        hidden.revealed ||= passes;
        return passes ? values[i] : undefined;
      },
      configurable: true,
    });
  });
}

/**
 * Shows `compression()`, if it is mounted before us, which codings the client accepts: it looks when the headers are written, and
 * our output goes through it. A value that a handler has set since stays.
 */
export function restoreAcceptEncoding(req: IncomingMessage, { acceptEncoding }: HiddenHeaders): void {
  if (acceptEncoding !== undefined && req.headers['accept-encoding'] === IDENTITY) {
    req.headers['accept-encoding'] = acceptEncoding;
  }
}

/**
 * Runs `send` with the client's `If-None-Match` visible, so that Express compares it with the tag of the redacted body. `*` would
 * match any version, also a fuller one that the client has stored, so it stays hidden.
 */
export function withIfNoneMatch(req: IncomingMessage, hidden: HiddenHeaders | undefined, send: () => void): void {
  if (hidden?.ifNoneMatch === undefined || hidden.ifNoneMatch.trim() === '*') {
    send();
    return;
  }
  const before = Object.getOwnPropertyDescriptor(req.headers, 'if-none-match');
  Object.defineProperty(req.headers, 'if-none-match', {
    value: hidden.ifNoneMatch,
    configurable: true,
    writable: true,
  });
  try {
    send();
  } finally {
    if (before) Object.defineProperty(req.headers, 'if-none-match', before);
    else delete req.headers['if-none-match'];
  }
}
