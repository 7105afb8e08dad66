import type { Request } from 'express';
import { KeyscopeError } from '../errors';

const FOREIGN =
  'Changes are only taken from pages of this very site. Where the console is served under another origin, its developer names it in `allowedOrigins`.';

function first(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.split(',', 1)[0]?.trim();
}

/** Whether the app trusts the peer to say, in `X-Forwarded-*`, what the client asked for: Express' `trust proxy`. */
function trustsPeer(req: Request): boolean {
  const trust: unknown = req.app?.get('trust proxy fn');
  return typeof trust === 'function' && trust(req.socket.remoteAddress, 0) === true;
}

/** The host that the client addressed, with its port. */
function addressedHost(req: Request): string | undefined {
  return (trustsPeer(req) && first(req.headers['x-forwarded-host'])) || req.headers.host;
}

/** Whether an origin is on this host. The scheme is not compared: behind a proxy that ends TLS it is not known here. */
function isOnHost(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  if (protocol !== 'http:' && protocol !== 'https:') return false;
  // Through URL as well, because it leaves a default port out.
  return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === originHost;
}

/**
 * Refuses changes that another site's page makes with the browser's cookies. Browsers say so themselves, in
 * `Sec-Fetch-Site` (W3C Fetch Metadata); where they do not, over plain HTTP and before 2023, `Origin` names the page's
 * host. A request with neither comes from no browser: no cookies that somebody else could borrow.
 *
 * @param allowedOrigins Other origins that may change things.
 * @throws {KeyscopeError} `cross_origin`
 */
export function createSameOrigin(allowedOrigins: readonly string[]): (req: Request) => void {
  const allowed = new Set(allowedOrigins);

  return function checkSameOrigin(req) {
    const site = req.headers['sec-fetch-site'];
    const { origin } = req.headers;
    if (site === 'same-origin' || site === 'none') return;
    if (origin !== undefined && allowed.has(origin)) return;
    if (site === undefined && (origin === undefined || isOnHost(origin, addressedHost(req)))) return;
    throw new KeyscopeError('cross_origin', FOREIGN);
  };
}
