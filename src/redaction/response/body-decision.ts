import * as zlib from 'node:zlib';
import type { BodyFormat } from '../options';
import { type Coding, codingOf, isByteRange, isListed, parseMediaType, RECORD_FORMATS } from './media-type';

/**
 * The part of a body that is known. `object`: a value that Express has not serialized. `whole`: all bytes. `more`: the
 * first bytes of others. `none`: it ended without any. `unknown`: only the head was written.
 */
export type KnownBody = 'object' | 'whole' | 'more' | 'none' | 'unknown';

/** Everything that decides what happens to a body. */
export interface ResponseFacts {
  /** Whether nothing can have to be removed, by the policy of this moment. */
  readonly open: boolean;
  readonly method: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly contentRange: string | undefined;
  /** Whether a header such as `X-Accel-Redirect` makes a server in front of us send another body. */
  readonly sendsFile: boolean;
  /** Whether a 304 could confirm the client's copy of the unredacted body. */
  readonly mayConfirm: boolean;
  /** Whether the handler has seen the conditions of the request, for a body of a listed type. */
  readonly confirmsListed: boolean;
  readonly body: KnownBody;
  /** Whether the whole body is a text that Express or Node writes for this status. */
  readonly knownText: boolean;
}

/** The parts of the options that decide. */
export interface RouteRules {
  /** Lower-case media types, `audio/wav` or `audio/*`. */
  readonly passthrough: readonly string[];
  /** Formats of media types that the route declares. */
  readonly formats: ReadonlyMap<string, BodyFormat>;
  /** Whether the route cannot be redacted by name, because the caller chooses the names. */
  readonly callerChoosesNames: boolean;
  /** Whether all names that can be redacted are ASCII, so that they are the same bytes in every charset. */
  readonly asciiNames: boolean;
}

export interface StreamDecision {
  readonly kind: 'stream';
  readonly format: BodyFormat;
  readonly coding: Coding | null;
  readonly anyCharset: boolean;
}

/** With `bare`, there is no body, and headers that measure one are removed. With `vouched`, the route says that it need not be read. */
export interface PassThrough {
  readonly kind: 'pass-through';
  readonly bare: boolean;
  readonly vouched: boolean;
}

/**
 * `pass-through`: sent unchanged. `object`: redacted before it is serialized. `stream`: filtered as bytes. `replace`: a problem
 * document with the same status. `reject`: not sent.
 */
export type BodyDecision =
  | PassThrough
  | { readonly kind: 'object' }
  | StreamDecision
  | { readonly kind: 'replace' | 'reject'; readonly reason: string };

export const PASS: PassThrough = { kind: 'pass-through', bare: false, vouched: false };
export const VOUCHED: PassThrough = { kind: 'pass-through', bare: false, vouched: true };
const BARE: PassThrough = { kind: 'pass-through', bare: true, vouched: true };
export const OBJECT: BodyDecision = { kind: 'object' };

const UTF8 = new Set([undefined, 'utf-8', 'utf8', 'us-ascii', 'ascii']);
const SINGLE_BYTE = new Set(['iso-8859-1', 'latin1', 'windows-1252', 'cp1252']);
/** Types of texts that Express and Node write for a status. */
const KNOWN_TEXT_TYPES = /^text\/(?:plain|html)$/;
const HINT = "list the type in redactResponse({ passthrough: ['…'] }) if it can never contain redacted fields.";

/** zstd came with Node 22.15. */
function isDecodable(coding: Coding | null): boolean {
  return coding !== 'zstd' || 'createZstdDecompress' in zlib;
}

function cannotBeRedacted(what: string): BodyDecision {
  return { kind: 'reject', reason: `${what} cannot be redacted.` };
}

/** The format of a body of this type; undefined if it cannot be parsed. */
export function formatFor(contentType: string | undefined, formats: RouteRules['formats']): BodyFormat | undefined {
  const media = contentType === undefined ? null : parseMediaType(contentType);
  return media ? (formats.get(media.essence) ?? media.format) : undefined;
}

/** Whether a body of this type passes through unread. A type that can be parsed is parsed, even if `type/*` is listed. */
export function isVouched(contentType: string | undefined, { passthrough, formats }: RouteRules): boolean {
  const media = contentType === undefined ? null : parseMediaType(contentType);
  return media !== null && formatFor(contentType, formats) === undefined && isListed(media.essence, passthrough);
}

function decideRestricted(facts: ResponseFacts, rules: RouteRules): BodyDecision {
  const { status, contentType } = facts;
  const head = facts.method === 'HEAD';
  if (status === 304 && facts.mayConfirm) {
    return { kind: 'reject', reason: 'A 304 would confirm the unredacted body that the client has stored.' };
  }
  const media = contentType === undefined ? undefined : parseMediaType(contentType);
  const format = formatFor(contentType, rules.formats);
  if (isVouched(contentType, rules) || (status === 304 && facts.confirmsListed)) return VOUCHED;
  if (facts.sendsFile) return cannotBeRedacted('A body that a server in front sends instead (X-Accel-Redirect)');
  if (facts.knownText) return PASS;
  if ((head ? status >= 400 : facts.body === 'none') || status < 200 || status === 204 || status === 304) return BARE;
  if (media === null) return cannotBeRedacted(`A body of the Content-Type ${JSON.stringify(contentType)}`);
  if (media && format === undefined) {
    if (head && KNOWN_TEXT_TYPES.test(media.essence)) return BARE;
    return { kind: 'reject', reason: `A body of the type ${media.essence} cannot be redacted. Send JSON, or ${HINT}` };
  }
  if (rules.callerChoosesNames) return cannotBeRedacted('A body whose member names the caller chooses');
  if (status === 206 && (facts.contentRange === undefined || isByteRange(facts.contentRange))) {
    return cannotBeRedacted('A part of a body (206)');
  }
  const coding = codingOf(facts.contentEncoding);
  if (coding === undefined || !isDecodable(coding) || (coding !== null && media === undefined)) {
    return cannotBeRedacted(`A body with the content coding ${JSON.stringify(facts.contentEncoding)}`);
  }
  // Clients read event streams as UTF-8, whatever the charset.
  const anyCharset = media !== undefined && format !== 'sse' && SINGLE_BYTE.has(media.charset!);
  if (media && !UTF8.has(media.charset) && !(anyCharset && rules.asciiNames)) {
    return cannotBeRedacted(`JSON in the charset ${media.charset}`);
  }
  if (head) return BARE;
  if (media === undefined && facts.body === 'unknown') return cannotBeRedacted('A body without a Content-Type');
  if (facts.body === 'object' && coding === null && (format ?? 'json') === 'json') return OBJECT;
  return { kind: 'stream', format: format ?? 'json', coding, anyCharset };
}

/** Decides what happens to a body, from everything that is known before its first byte. */
export function decideBody(facts: ResponseFacts, rules: RouteRules): BodyDecision {
  if (facts.open) {
    const format = facts.body === 'more' ? formatFor(facts.contentType, rules.formats) : undefined;
    const isFiltered =
      RECORD_FORMATS.has(format) && !rules.callerChoosesNames && codingOf(facts.contentEncoding) === null;
    if (!isFiltered) return PASS;
    return { kind: 'stream', format: format!, coding: null, anyCharset: false };
  }
  const decision = decideRestricted(facts, rules);
  return decision.kind === 'reject' && facts.status >= 400 ? { ...decision, kind: 'replace' } : decision;
}
