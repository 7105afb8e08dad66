import type { Request } from 'express';

/** Own property of an app's settings, in Express 4 and 5: whether `trust proxy` has its default. */
const TRUST_DEFAULT = '@@symbol:trust_proxy_default';

type Settings = Readonly<Record<string, unknown>>;

/** True if neither the app nor one that it is mounted in has set `trust proxy`, also not to false. */
function isTrustUnset({ app }: Request): boolean {
  let settings = app?.settings as Settings | null | undefined;
  // The settings of a mounted app inherit from those of its parent.
  while (settings && !Object.hasOwn(settings, 'trust proxy')) settings = Object.getPrototypeOf(settings) as Settings;
  return !settings || (!settings['trust proxy'] && settings[TRUST_DEFAULT] !== false);
}

/**
 * True if a proxy may have forwarded a request, and the app has not said which proxies it trusts. Then the address of the
 * request can be that of the proxy.
 */
export function hasUnknownProxy(req: Request): boolean {
  const { headers } = req;
  return (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) && isTrustUnset(req);
}

/** True if the app trusts `X-Forwarded-For` of any client: `trust proxy` is true. */
export function trustsAnyProxy({ app }: Request): boolean {
  return app?.get('trust proxy') === true;
}

/** The caller's address: Express' `req.ip`, which follows `trust proxy`. Undefined if it is unknown. */
export function readRequestAddress(req: Request): string | undefined {
  if (hasUnknownProxy(req)) return undefined;
  try {
    return req.ip ?? req.socket?.remoteAddress;
  } catch {
    // A `trust proxy` function of the app has thrown.
    return undefined;
  }
}
