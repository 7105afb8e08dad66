import type { IncomingMessage } from 'node:http';

/** What a handler was not told of its request. */
export interface Withdrawn {
  /** Whether any condition was among it. */
  readonly conditional: boolean;
  /** To be compared with the tag of the redacted body. */
  readonly ifNoneMatch: string | undefined;
  /** To be put back before compression for the client is decided; undefined where the client sent none. */
  readonly acceptEncoding: string | undefined;
}

const RANGES = ['range', 'if-range'];
/**
 * Conditions are withdrawn from requests that only read. On others (`PUT` with `If-Match`) they guard against lost
 * updates, and no body is spared by them.
 */
const CONDITIONS = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since'];
const READS = new Set(['GET', 'HEAD', 'QUERY']);
const IDENTITY = 'identity';

/** From every form in which Node offers headers: a proxy may forward any of them. */
function withdraw(req: IncomingMessage, names: readonly string[]): void {
  // Node makes the first two of the third when they are first asked for, and counts on its length.
  const { headers, headersDistinct, rawHeaders } = req;
  for (const name of names) {
    delete headers[name];
    delete headersDistinct[name];
  }
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (names.includes(rawHeaders[i]!.toLowerCase())) rawHeaders.splice(i, 2);
  }
}

/**
 * Takes from a request what a handler, a file or an upstream would answer from the unredacted body (ranges, conditions),
 * and asks for an answer that is not compressed.
 */
export function withdrawFromHandler(req: IncomingMessage): Withdrawn {
  const { headers } = req;
  const acceptEncoding = headers['accept-encoding'] as string | undefined;
  const ifNoneMatch = headers['if-none-match'];
  const names = RANGES.filter((name) => name in headers);
  if (READS.has(req.method ?? '')) names.push(...CONDITIONS.filter((name) => name in headers));
  const conditional = names.some((name) => !RANGES.includes(name));
  if (names.length > 0) withdraw(req, names);
  headers['accept-encoding'] = IDENTITY;
  return { conditional, ifNoneMatch: conditional ? ifNoneMatch : undefined, acceptEncoding };
}

/**
 * Lets a `compression()` below us see what the client accepts: it looks when the headers are written, and our output flows
 * into it. What somebody else has changed meanwhile stays changed.
 */
export function returnAcceptEncoding(req: IncomingMessage, { acceptEncoding }: Withdrawn): void {
  if (req.headers['accept-encoding'] !== IDENTITY) return;
  if (acceptEncoding === undefined) delete req.headers['accept-encoding'];
  else req.headers['accept-encoding'] = acceptEncoding;
}

/**
 * Runs `send` with the client's `If-None-Match` in place, for Express to compare with the tag that it makes of the redacted
 * body. `*` would match any version, also a fuller one that the client kept, so it is not put back.
 */
export function withCondition(req: IncomingMessage, { ifNoneMatch }: Withdrawn, send: () => void): void {
  if (ifNoneMatch === undefined || ifNoneMatch.trim() === '*') {
    send();
    return;
  }
  req.headers['if-none-match'] = ifNoneMatch;
  try {
    send();
  } finally {
    delete req.headers['if-none-match'];
  }
}
