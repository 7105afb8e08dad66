import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import type { IfMatch } from './handler';

/** The strong entity tag of a revision (RFC 9110, 8.8.3). */
export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/** A list of entity tags (RFC 9110, 8.8.3 and 13.1.1). */
const ENTITY_TAGS = /^[ \t]*(?:W\/)?"[!#-~]*"(?:[ \t]*,[ \t]*(?:W\/)?"[!#-~]*")*[ \t]*$/;
const ENTITY_TAG = /(?:W\/)?"[!#-~]*"/g;

function headerError(message: string): KeyscopeError {
  return new KeyscopeError('invalid_request', message, { issues: [{ path: '', message }] });
}

/** @throws {KeyscopeError} `invalid_request` */
export function readIfMatch(req: Request): IfMatch | null {
  const value = req.headers['if-match'];
  if (value === undefined) return null;
  if (value.trim() === '*') return '*';
  if (value.length <= 1000 && ENTITY_TAGS.test(value)) return value.match(ENTITY_TAG) ?? [];
  throw headerError('Expected If-Match with a revision of the key in quotes: `If-Match: "3"`.');
}

/** Visible characters only, hence without the comma and space with which Node joins repeated headers. */
const IDEMPOTENCY_KEY = /^[!-~]{1,255}$/;
const QUOTED = /^"([^"\\]*)"$/;

/** @throws {KeyscopeError} `invalid_request` */
export function readIdempotencyKey(req: Request): string | null {
  const value = req.headers['idempotency-key'];
  if (value === undefined) return null;
  // The draft of the header defines a structured string, in quotes; most clients send it without quotes.
  const key = typeof value === 'string' ? (QUOTED.exec(value)?.[1] ?? value) : '';
  if (IDEMPOTENCY_KEY.test(key)) return key;
  throw headerError('Expected one Idempotency-Key of 1–255 visible ASCII characters, such as a new UUID.');
}
