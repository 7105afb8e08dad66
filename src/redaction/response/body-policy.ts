import * as zlib from 'node:zlib';
import { type Coding, codingOf, type Framing, framingOf, listed, parseMediaType } from './media-type';

/** What a response says of its body before the first byte of it. */
export interface Facts {
  readonly method: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  /** The name of a header that makes a server in front of us send another body than ours, e.g. `X-Accel-Redirect`. */
  readonly handsOver: string | undefined;
  /** Whether the client asked conditionally (`If-None-Match` and its kin), which the handler was not told. */
  readonly conditional: boolean;
}

/** What the route lets through. */
export interface Terms {
  /** Lower-case media types, `audio/wav` or `audio/*`, that the route vouches for. */
  readonly passthrough: readonly string[];
  /** Whether anything could have to be withheld from this request's body. */
  readonly restricts: boolean;
}

export type Decision =
  /** No body can follow, whatever is written. */
  | { readonly action: 'none' }
  /** The body leaves as it is: vouched for, or of a project that enables everything. */
  | { readonly action: 'pass'; readonly vouched: boolean }
  | { readonly action: 'filter'; readonly framing: Framing; readonly coding: Coding | null }
  /** No type: JSON, or a line that says nothing new. */
  | { readonly action: 'undeclared' }
  /** Text that may leave only where it says nothing new. */
  | { readonly action: 'words'; readonly refusal: string }
  | { readonly action: 'refuse'; readonly refusal: string };

/** What holds one text after the other, perhaps for hours: each is judged by what is enabled when it comes. */
const ONE_BY_ONE: ReadonlySet<Framing> = new Set<Framing>(['lines', 'sequence', 'events']);
const UTF8 = new Set([undefined, 'utf-8', 'utf8']);
const HINT = "list the type in redactResponse({ passthrough: ['…'] }) if it can never carry a transcript or metrics.";

/** Whether this Node can undo a coding: zstd came with Node 22.15. */
function decodable(coding: Coding): boolean {
  return coding !== 'zstd' || 'createZstdDecompress' in zlib;
}

function refuse(refusal: string): Decision {
  return { action: 'refuse', refusal };
}

function hasNoBody({ method, status }: Facts): boolean {
  return method === 'HEAD' || status === 204 || status === 304 || status < 200;
}

/** What is to be done with a body, from what is known before its first byte. Doubt refuses. */
export function decide(facts: Facts, terms: Terms): Decision {
  const { status, contentType } = facts;
  if (status === 304 && facts.conditional) {
    return refuse(
      'The handler answered 304 although the conditions of the request were taken out: it compared the unredacted body.',
    );
  }
  const media = contentType === undefined ? undefined : parseMediaType(contentType);
  if (media === null) return refuse(`The Content-Type ${JSON.stringify(contentType)} cannot be read.`);
  const framing = media && framingOf(media.essence);
  // What we can read is read, whatever `type/*` was listed.
  if (media && framing === undefined && listed(media.essence, terms.passthrough)) {
    return { action: 'pass', vouched: true };
  }
  if (facts.handsOver !== undefined) {
    return refuse(`The header ${facts.handsOver} has a server in front of this one send a body that is not redacted.`);
  }
  if (status === 206) return refuse('A part of a body (206) cannot be redacted; answer with the whole.');
  const coding = codingOf(facts.contentEncoding ?? '');
  if (coding === undefined || (coding !== null && !decodable(coding))) {
    return refuse(`A body in the content coding ${JSON.stringify(facts.contentEncoding)} cannot be redacted.`);
  }
  if (media === undefined) {
    if (coding !== null)
      return hasNoBody(facts)
        ? { action: 'none' }
        : refuse('A compressed body without a Content-Type cannot be redacted.');
    return hasNoBody(facts) ? { action: 'none' } : { action: 'undeclared' };
  }
  if (framing === undefined) {
    const refusal = `A body of the type ${media.essence} cannot be redacted. Answer with JSON, or ${HINT}`;
    if (media.essence !== 'text/plain' && media.essence !== 'text/html') return refuse(refusal);
    if (coding !== null) return refuse(refusal);
    return hasNoBody(facts) ? { action: 'none' } : { action: 'words', refusal };
  }
  if (!UTF8.has(media.charset)) return refuse(`JSON in the charset ${media.charset} cannot be redacted; use UTF-8.`);
  if (hasNoBody(facts)) return { action: 'none' };
  if (!terms.restricts && !ONE_BY_ONE.has(framing)) return { action: 'pass', vouched: false };
  return { action: 'filter', framing, coding };
}
