import type { ServerResponse } from 'node:http';
import type { Withheld } from '../policy';

/** What identifies or measures the unredacted body. */
const VALIDATORS = new Set(['etag', 'last-modified', 'accept-ranges', 'content-range']);
const DIGESTS = new Set(['content-md5', 'digest', 'content-digest', 'repr-digest']);
const ABOUT_BODY = new Set([...VALIDATORS, ...DIGESTS, 'content-length']);
/** What tells caches in front of us something else than `Cache-Control` does. */
const CACHE_OVERRIDES = new Set([
  'surrogate-control',
  'cdn-cache-control',
  'cloudflare-cdn-cache-control',
  'vercel-cdn-cache-control',
  'netlify-cdn-cache-control',
  'edge-control',
  'x-accel-expires',
]);
/** What has a server in front of us send a file or another resource in place of the body. */
const HAND_OVERS = new Set([
  'x-accel-redirect',
  'x-sendfile',
  'x-sendfile2',
  'x-sendfile-temporary',
  'x-lighttpd-send-file',
  'x-lighttpd-send-tempfile',
  'x-litespeed-location',
  'x-reproxy-file',
  'x-reproxy-service',
  'x-reproxy-url',
]);
/** What belongs to a body that did not leave. */
const ENTITY = new Set([
  ...ABOUT_BODY,
  ...CACHE_OVERRIDES,
  ...HAND_OVERS,
  'content-type',
  'content-encoding',
  'content-disposition',
  'content-language',
  'content-location',
  'transfer-encoding',
  'trailer',
  'location',
  'refresh',
  'cache-control',
  'expires',
  'age',
  'redacted',
]);
/** RFC 9111, 5.2: a directive, its argument a token or a quoted string (which may hold commas). */
const DIRECTIVE = /[^\s,="]+(?:[ \t]*=[ \t]*(?:"(?:[^"\\]|\\.)*"|[^\s,"]*))?/g;
/** Directives that invite a shared cache to keep or answer with a response, and those we say ourselves. */
const SHARED = /^(?:public|s-maxage|proxy-revalidate|private)\b/i;
const NO_STORE = /^no-store$/i;

/** A response has few headers, so they are looked up in the list and not the list in them. */
function remove(res: ServerResponse, names: ReadonlySet<string>): void {
  for (const name of res.getHeaderNames()) if (names.has(name)) res.removeHeader(name);
}

/** A header's value as one line; undefined where it is not set. */
export function headerText(res: ServerResponse, name: string): string | undefined {
  const value = res.getHeader(name);
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** A header that would have another server send another body. */
export function handsOver(res: ServerResponse): string | undefined {
  return res.getHeaderNames().find((name) => HAND_OVERS.has(name));
}

/** Takes away what says how long the unredacted body is, which one it is and what it hashes to. */
export function forgetBody(res: ServerResponse): void {
  remove(res, ABOUT_BODY);
}

/** Takes away what says which version of the body this is: a project's configuration makes others of it. */
export function forgetValidators(res: ServerResponse): void {
  remove(res, VALIDATORS);
}

/** Takes digests of the unredacted body out of the trailers, which Node keeps as text until the end. */
export function forgetTrailerDigests(res: ServerResponse): void {
  const kept = res as unknown as { _trailer?: string };
  if (!kept._trailer) return;
  const lines = kept._trailer.split('\r\n');
  kept._trailer = lines.filter((line) => !DIGESTS.has(line.split(':', 1)[0]!.toLowerCase())).join('\r\n');
}

/** What a private cache may do with the response, as the handler said; shared caches may do nothing. */
export function privately(cacheControl: string | undefined): string {
  const kept = (cacheControl?.match(DIRECTIVE) ?? []).filter((directive) => !SHARED.test(directive));
  if (kept.some((directive) => NO_STORE.test(directive))) return kept.join(', ');
  return ['private', ...kept].join(', ');
}

/** Keeps shared caches from giving one caller's variant to another. */
export function keepPrivate(res: ServerResponse, keyHeader: string): void {
  remove(res, CACHE_OVERRIDES);
  res.setHeader('Cache-Control', privately(headerText(res, 'cache-control')));
  const vary = headerText(res, 'vary');
  const varies = (vary ?? '').split(',').map((name) => name.trim().toLowerCase());
  if (varies.includes('*') || varies.includes(keyHeader)) return;
  res.setHeader('Vary', vary ? `${vary}, ${keyHeader}` : keyHeader);
}

/** `Redacted: transcript, metrics`: what the project has not enabled, beside what an upstream said of its own. */
export function nameWithheld(res: ServerResponse, withheld: readonly Withheld[]): void {
  if (withheld.length === 0) return;
  const before = (headerText(res, 'redacted') ?? '').split(',').map((name) => name.trim());
  const names = (['transcript', 'metrics'] as const).filter((name) => withheld.includes(name) || before.includes(name));
  res.setHeader('Redacted', names.join(', '));
}

/** Makes room for the answer that takes the place of one that may not leave. */
export function forgetAnswer(res: ServerResponse): void {
  remove(res, ENTITY);
  res.statusMessage = '';
}

function setAll(res: ServerResponse, pairs: readonly (readonly [unknown, unknown])[]): void {
  // A name may come twice in a list (`Set-Cookie`): the list replaces what was set before, and its own add up.
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

/**
 * Does what `writeHead(status[, reason][, headers])` would, but on the response: so that what it says can be read, judged
 * and corrected. Every form Node takes: an object, a flat list, a list of pairs; `reason` left out or undefined.
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
