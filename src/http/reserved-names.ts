import { IncomingMessage } from 'node:http';

/** Properties of requests that Express sets. */
const EXPRESS_PROPERTIES =
  'app|baseUrl|body|cookies|file|files|host|hostname|ip|ips|next|originalUrl|params|path|protocol|query|res|route|secure|session|signedCookies|user';
/** Properties that Node sets. Others of Node are in the prototype, or start with an underscore. */
const NODE_PROPERTIES =
  'aborted|client|complete|headers|httpVersion|method|rawHeaders|rawTrailers|socket|statusCode|trailers|url';
const PROPERTIES = new Set(`${EXPRESS_PROPERTIES}|${NODE_PROPERTIES}`.split('|'));

/** True if Node or Express use this property of requests. */
export function isRequestProperty(name: string): boolean {
  return name.startsWith('_') || name in IncomingMessage.prototype || PROPERTIES.has(name);
}

const UNSUITABLE_HEADERS = new Set(
  [
    ['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since'],
    [
      'if-unmodified-since',
      'last-modified',
      'location',
      'max-forwards',
      'proxy-authorization',
      'referer',
      'retry-after',
    ],
    ['server', 'user-agent', 'cookie', 'set-cookie'],
    ['accept-encoding', 'connection', 'expect', 'if-match', 'if-none-match', 'if-range', 'keep-alive', 'range', 'te'],
    ['trailer', 'transfer-encoding', 'upgrade'],
  ].flat(),
);

/**
 * True for a header that cannot carry a token. Node keeps only the first value of some, so that a second token would not
 * be noticed (https://nodejs.org/api/http.html#messageheaders). Node, proxies or this package change others.
 */
export function isUnsuitableHeader(name: string): boolean {
  return UNSUITABLE_HEADERS.has(name);
}
