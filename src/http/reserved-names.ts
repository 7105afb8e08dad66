import { IncomingMessage } from 'node:http';
import { z } from 'zod';

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
 * The name of a request header, in lower case, whose use is free. Node keeps only the first value of some others, so that a
 * second one would not be noticed (https://nodejs.org/api/http.html#messageheaders). Node, proxies or this package change
 * more.
 */
export const headerName = z
  .string()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'Expected the name of a header in lower case.')
  .refine((name) => !UNSUITABLE_HEADERS.has(name), {
    error: ({ input }) =>
      input === 'authorization'
        ? "Expected another header. For `Authorization: Bearer`, use `tokenSource: 'bearer'`."
        : 'Expected another header: Node or proxies change this one, or hide that it was sent twice.',
  });
