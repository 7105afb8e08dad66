import type { Request } from 'express';
import { ApiError } from '../api-error';
import { xmlText } from './xml-text';

export const LOCATIONS = ['headers', 'querystring', 'payload'] as const;
export type Location = (typeof LOCATIONS)[number];

/** Visible characters only: event ids appear in logs, URLs and other systems. */
const EVENT_ID = /^[^\s\p{C}]{1,256}$/u;
/** These headers carry secrets, which must not appear in a response. */
const SECRET_HEADERS = new Set(['x-api-key', 'authorization', 'proxy-authorization', 'cookie']);

/** A member by its whole name, or by a dotted path; own members only. */
function lookUp(container: unknown, path: string): unknown {
  if (typeof container !== 'object' || container === null) return undefined;
  if (Object.hasOwn(container, path)) return (container as Record<string, unknown>)[path];
  let value: unknown = container;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** `name=value` lines, as text payloads have them. */
function lookUpLine(text: string, name: string): string | undefined {
  for (const line of text.split(/[\r\n&]+/)) {
    const equals = line.indexOf('=');
    if (equals !== -1 && line.slice(0, equals).trim() === name) return line.slice(equals + 1).trim();
  }
  return undefined;
}

function lookUpPayload(req: Request, path: string): unknown {
  if (typeof req.body !== 'string') return lookUp(req.body, path);
  if (req.is('text/plain')) return lookUpLine(req.body, path);
  const names = path.split('.');
  return xmlText(req.body, names) ?? xmlText(req.body, names, true);
}

function locate(req: Request, location: Location, path: string): unknown {
  if (location === 'payload') return lookUpPayload(req, path);
  if (location === 'querystring') return lookUp(req.query, path);
  const name = path.toLowerCase();
  return SECRET_HEADERS.has(name) ? undefined : lookUp(req.headers, name);
}

/** @throws {ApiError} 400 if there is no id, or an invalid one. */
export function readEventId(req: Request, location: Location, path: string): string {
  const value = locate(req, location, path);
  if (value === undefined) throw new ApiError(400, 'EVENT_ID_NOT_FOUND', 'External event id not found in request');
  const id = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof id !== 'string' || !EVENT_ID.test(id)) {
    throw new ApiError(400, 'EVENT_ID_NOT_VALID', 'External event id not valid');
  }
  return id;
}
