import type { BodyFormat } from '../options';

/** The parts of a `Content-Type` that redaction depends on. */
export interface MediaType {
  /** `type/subtype`, lower case. */
  readonly essence: string;
  /** Lower case, without quotes; undefined if there is none. */
  readonly charset: string | undefined;
  /** The format of a body of this type; undefined if it cannot be parsed. */
  readonly format: BodyFormat | undefined;
}

/** A content coding that `node:zlib` can decode in a stream. */
export type Coding = 'gzip' | 'br' | 'deflate' | 'zstd';

const ESSENCE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/;
/**
 * RFC 9110 section 5.6.6: `; name=value`. Values may also be unquoted URLs (`profile=https://…`), which many servers send. A
 * comma separates two types, so it ends the match.
 */
const PARAMETER = /;[ \t]*(?:([!#$%&'*+.^_`|~0-9a-z-]+)=("(?:[^"\\]|\\.)*"|[^\s;,"]*))?[ \t]*/gy;
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

const FORMATS: readonly (readonly [types: RegExp, format: BodyFormat])[] = [
  [/^(?:application|text)\/json$/, 'json'],
  [/^(?:application|text)\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines|stream\+json)$/, 'ndjson'],
  [/^application\/json-seq$|\+json-seq$/, 'json-seq'],
  [/^text\/event-stream$/, 'sse'],
  [/^(?:application|text)\/(?:x-)?javascript$/, 'jsonp'],
  [/\+json$/, 'json'],
];

/** `none` and `utf-8` are not codings, but are sent in this header by servers that mean "not encoded". */
const CODINGS: ReadonlyMap<string, Coding | null> = new Map([
  ['', null],
  ['identity', null],
  ['none', null],
  ['utf-8', null],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['br', 'br'],
  ['deflate', 'deflate'],
  ['zstd', 'zstd'],
]);

/** Types seen before. Servers send few; the limit is for types that a caller could choose. */
const parsed = new Map<string, MediaType | null>();
const MAX_PARSED = 100;

function parse(value: string): MediaType | null {
  const lower = value.trim().toLowerCase();
  const end = lower.indexOf(';');
  const essence = (end === -1 ? lower : lower.slice(0, end)).trim();
  if (!ESSENCE.test(essence)) return null;
  let charset: string | undefined;
  let at = end === -1 ? lower.length : end;
  while (at < lower.length) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(lower);
    if (match === null) return null;
    at = PARAMETER.lastIndex;
    if (match[1] !== 'charset') continue;
    const text = match[2]!.replace(/^"(.*)"$/, '$1');
    // Clients disagree on which of two charsets counts.
    if (!TOKEN.test(text) || (charset !== undefined && charset !== text)) return null;
    charset = text;
  }
  return { essence, charset, format: FORMATS.find(([types]) => types.test(essence))?.[1] };
}

/**
 * Parses a `Content-Type`; `null` if it is malformed or ambiguous. The package `content-type` is not used for this: it takes the
 * first of two charsets, but a client may use the last.
 */
export function parseMediaType(value: string): MediaType | null {
  let type = parsed.get(value);
  if (type === undefined) {
    type = parse(value);
    if (parsed.size >= MAX_PARSED) parsed.clear();
    parsed.set(value, type);
  }
  return type;
}

/** Formats of a series of records, each of which is redacted by the policy of its moment. */
export const RECORD_FORMATS: ReadonlySet<BodyFormat | undefined> = new Set(['ndjson', 'json-seq', 'sse'] as const);

/** The one coding of a body; `null`: none; undefined: one that cannot be decoded, or several. */
export function codingOf(value: string | undefined): Coding | null | undefined {
  return CODINGS.get((value ?? '').trim().toLowerCase());
}

/** Whether a `Content-Range` counts bytes. One in another unit, such as `items 0-9/30`, counts records of a list. */
export function isByteRange(contentRange: string): boolean {
  return /^\s*bytes\b/i.test(contentRange);
}

/** Whether `type/subtype` is in a list of types and `type/*`. */
export function isListed(essence: string, types: readonly string[]): boolean {
  return types.some((type) => type === essence || (type.endsWith('/*') && essence.startsWith(type.slice(0, -1))));
}
