import type { KeyOwner } from '../store/column-codecs';

/** An owner as text: `user:ID` or `service:ID`. Null if the text is none. */
export function parseOwner(text: string): KeyOwner | null {
  const [, kind, id] = /^(user|service):(.+)$/s.exec(text) ?? [];
  return kind === undefined || id === undefined ? null : { kind: kind as KeyOwner['kind'], id };
}

/** A limit as text: requests and a window, such as `1000/1m`. Null if the text is none. */
export function parseRateLimit(text: string): { limit: number; window: string } | null {
  const [, limit, window] = /^(\d{1,10})\/(\w+)$/.exec(text) ?? [];
  return limit === undefined || window === undefined ? null : { limit: Number(limit), window };
}
