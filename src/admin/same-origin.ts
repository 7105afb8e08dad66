import type { Request } from 'express';
import { KeyscopeError } from '../errors';

const CROSS_ORIGIN_MESSAGE =
  'Changes are accepted from pages of this origin only. If the console is served from another origin, add that to `allowedOrigins` of adminRouter.';

function first(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.split(',', 1)[0]?.trim();
}

/** True if the app trusts the peer's `X-Forwarded-*` headers: Express' `trust proxy`. */
function trustsPeer(req: Request): boolean {
  const trust: unknown = req.app?.get('trust proxy fn');
  return typeof trust === 'function' && trust(req.socket.remoteAddress, 0) === true;
}

/** The host that the client addressed, with its port. */
function addressedHost(req: Request): string | undefined {
  return (trustsPeer(req) && first(req.headers['x-forwarded-host'])) || req.headers.host;
}

/** True if an origin is on this host. The scheme is not compared: it is unknown behind a proxy that terminates TLS. */
function isOnHost(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  if (protocol !== 'http:' && protocol !== 'https:') return false;
  // URL removes a default port.
  return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === originHost;
}

/**
 * Rejects changes that a page of another site makes with the browser's cookies. Browsers send `Sec-Fetch-Site` (W3C
 * Fetch Metadata). Over plain HTTP, and before 2023, they do not; then `Origin` names the page's host. A request with
 * neither comes from a program that is no browser, so no other page can have caused it.
 *
 * @param allowedOrigins Other origins whose pages can make changes.
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
    throw new KeyscopeError('cross_origin', CROSS_ORIGIN_MESSAGE);
  };
}
