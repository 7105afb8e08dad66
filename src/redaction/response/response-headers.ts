import type { ServerResponse } from 'node:http';
import vary from 'vary';
import { FEATURE_NAMES } from '../../features';
import type { Withheld } from '../policy';
import { isByteRange } from './media-type';

/**
 * Headers and trailers that measure or identify a body: lengths, validators, digests and signatures; also those of vendors
 * (`x-amz-checksum-sha256`). A signature of the whole body confirms guesses of what was removed, like a digest.
 */
const MEASURES = new RegExp(
  [
    /^(?:last-modified|accept-ranges|content-range)$/,
    /(?:content|body|file|object|original|coded|compressed|payload|response|raw|linked)-(?:length|size|bytes)/,
    /digest|checksum|signature|hmac|fingerprint|md5|sha-?\d|crc\d|adler\d|blake\d|murmur|xxhash/,
    /(?:^|-)(?:etag|hash)(?:-|$)|(?:^|-)(?:integrity|jws)$/,
  ]
    .map(({ source }) => source)
    .join('|'),
);
/** Kinds of headers, as bits. A header that measures or identifies the body: {@link MEASURES}. */
export const MEASURE = 1;
/** Overrides `Cache-Control` for caches in front of us. */
const CACHE_OVERRIDE = 2;
/** Makes a server in front of us send a file or another resource instead of the body. */
export const SENDFILE = 4;
/** Describes the body. */
const DESCRIPTION = 8;
/** Tells clients and caches how to use the response. */
const USE = 16;
const NAMES: readonly (readonly [kind: number, names: string])[] = [
  [CACHE_OVERRIDE, 'surrogate-control cdn-cache-control cloudflare-cdn-cache-control vercel-cdn-cache-control'],
  [CACHE_OVERRIDE, 'netlify-cdn-cache-control edge-control x-accel-expires'],
  [SENDFILE, 'x-accel-redirect x-sendfile x-sendfile2 x-sendfile-temporary x-lighttpd-send-file'],
  [SENDFILE, 'x-lighttpd-send-tempfile x-litespeed-location x-reproxy-file x-reproxy-service x-reproxy-url'],
  [DESCRIPTION, 'content-type content-encoding content-disposition content-language content-location'],
  [DESCRIPTION, 'transfer-encoding trailer redacted'],
  [USE, 'location refresh cache-control expires age'],
];
const KINDS = new Map(NAMES.flatMap(([kind, names]) => names.split(' ').map((name) => [name, kind])));
/** Kinds of names seen before. The limit is for names that a caller could choose. */
const known = new Map<string, number>();
const MAX_KNOWN = 1000;
/** RFC 9111 section 5.2: a directive, with a token or a quoted string (which may contain commas) as its argument. */
const DIRECTIVE = /[^\s,="]+(?:[ \t]*=[ \t]*(?:"(?:[^"\\]|\\.)*"|[^\s,"]*))?/g;
/** Directives that allow a shared cache to store or reuse a response, and the one we set. */
const SHARED = /^(?:public|s-maxage|proxy-revalidate|private)\b/i;
const NO_STORE = /^no-store$/i;

/** Trailers, which Node keeps as text until the end. */
type WithTrailers = ServerResponse & { _trailer?: string };

function kindOf(res: ServerResponse, name: string): number {
  let kind = known.get(name);
  if (kind === undefined) {
    kind = (KINDS.get(name) ?? 0) | (MEASURES.test(name) ? MEASURE : 0);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(name, kind);
  }
  return name === 'content-range' && !isByteRange(headerText(res, name)!) ? 0 : kind;
}

/** The kinds of all headers that are set. */
export function headerKinds(res: ServerResponse): number {
  let kinds = 0;
  for (const name of res.getHeaderNames()) kinds |= kindOf(res, name);
  return kinds;
}

function removeHeaders(res: ServerResponse, kinds: number): void {
  for (const name of res.getHeaderNames()) if ((kindOf(res, name) & kinds) !== 0) res.removeHeader(name);
}

/** A header's value as one line; undefined if it is not set. */
export function headerText(res: ServerResponse, name: string): string | undefined {
  const value = res.getHeader(name);
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/**
 * Removes headers that measure or identify the body. `Content-Length` also if it is not set: Node would write the length that
 * adapters such as Hono's store in a private field, and does not if the header was removed.
 */
export function removeMeasures(res: ServerResponse): void {
  removeHeaders(res, MEASURE);
  res.removeHeader('content-length');
}

/** Removes trailers that measure or identify the body. Node keeps trailers as text until the end. */
export function removeTrailerMeasures(res: ServerResponse): void {
  const target = res as WithTrailers;
  if (!target._trailer) return;
  const lines = target._trailer.split('\r\n');
  target._trailer = lines.filter((line) => !MEASURES.test(line.split(':', 1)[0]!.toLowerCase())).join('\r\n');
}

/** A `Cache-Control` for private caches alone, with the directives of the handler that concern those. */
function privateCacheControl(cacheControl: string): string {
  const kept = (cacheControl.match(DIRECTIVE) ?? []).filter((directive) => !SHARED.test(directive));
  if (kept.some((directive) => NO_STORE.test(directive))) return kept.join(', ');
  return ['private', ...kept].join(', ');
}

/** Keeps shared caches from sending one caller's response to another. `kinds` are those of the headers. */
export function setPrivateCaching(res: ServerResponse, varyBy: string, kinds = headerKinds(res)): void {
  const cacheControl = headerText(res, 'cache-control');
  if (cacheControl !== 'private') {
    res.setHeader('Cache-Control', cacheControl === undefined ? 'private' : privateCacheControl(cacheControl));
  }
  const before = res.getHeader('vary');
  if (before === undefined && varyBy !== '') res.setHeader('Vary', varyBy);
  else if (before !== varyBy && varyBy !== '') vary(res, varyBy);
  if ((kinds & CACHE_OVERRIDE) !== 0) removeHeaders(res, CACHE_OVERRIDE);
}

/** `Redacted: transcript, metrics`: the features that the project has not enabled, and those that an upstream named. */
export function setRedactedHeader(res: ServerResponse, withheld: readonly Withheld[]): void {
  if (withheld.length === 0) return;
  const before = headerText(res, 'redacted')
    ?.split(',')
    .map((name) => name.trim());
  const names = before ? FEATURE_NAMES.filter((name) => withheld.includes(name) || before.includes(name)) : withheld;
  res.setHeader('Redacted', names.join(', '));
}

/** Removes the headers that describe a body which is replaced, and its trailers. */
export function removeDescription(res: ServerResponse): void {
  removeHeaders(res, DESCRIPTION | SENDFILE | MEASURE);
  res.removeHeader('content-length');
  (res as WithTrailers)._trailer = '';
}

/** Removes the headers of a response that is replaced, apart from those that do not depend on it (`Access-Control-…`). */
export function removeResponseHeaders(res: ServerResponse): void {
  removeDescription(res);
  removeHeaders(res, USE | CACHE_OVERRIDE);
  res.statusMessage = '';
}

function setAll(res: ServerResponse, pairs: readonly (readonly [unknown, unknown])[]): void {
  // A name may occur twice in a list (`Set-Cookie`): the list replaces earlier values, and its own values add up.
  for (const [name] of pairs) res.removeHeader(name as string);
  for (const [name, value] of pairs) res.appendHeader(name as string, value as string);
}

function pairsOf(list: readonly unknown[]): (readonly [unknown, unknown])[] {
  if (Array.isArray(list[0])) return list as [unknown, unknown][];
  if (list.length % 2 !== 0) throw new TypeError('writeHead: the list of headers has a name without a value.');
  const pairs: [unknown, unknown][] = [];
  for (let i = 0; i < list.length; i += 2) pairs.push([list[i], list[i + 1]]);
  return pairs;
}

/** Whether Node accepts a value as a status. */
export function isStatus(status: unknown): boolean {
  const code = Number(status) | 0;
  return code >= 100 && code <= 999;
}

/**
 * Sets on the response everything that `writeHead(status[, reason][, headers])` would write, so that it can be read and corrected.
 * `headers` is an object, a flat list or a list of pairs, as in Node.
 */
export function applyHead(res: ServerResponse, status: number, reason: unknown, headers: unknown): void {
  res.statusCode = status;
  if (typeof reason === 'string') res.statusMessage = reason;
  const given = typeof reason === 'string' ? headers : (headers ?? reason);
  if (Array.isArray(given)) {
    setAll(res, pairsOf(given));
  } else if (typeof given === 'object' && given !== null) {
    for (const [name, value] of Object.entries(given)) if (name) res.setHeader(name, value as string);
  }
}
