import type { Scope } from '../keys/scope';
import { createScope } from '../keys/scope';
import type { KeyRecord } from '../store/records';

/** Who is calling and what they may touch: `req.apiKey`, and `key` in what `verify` returns. Frozen. */
export interface RequestApiKey<Permission extends string = string> {
  /** The key's public id; safe to log. */
  readonly id: string;
  readonly name: string;
  readonly workspaceId: string;
  readonly permissions: readonly Permission[];
  /** A new Date at each access: changing it changes nothing. */
  readonly expiresAt: Date;
  readonly scope: Scope;
}

/** What is remembered of a key: its record, and everything derived from it that a request needs. */
export interface KeyEntry {
  readonly record: KeyRecord;
  readonly apiKey: RequestApiKey;
}

export function toKeyEntry(record: KeyRecord): KeyEntry {
  const { id, name, workspaceId, expiresAt } = record;
  const scope = createScope(record);
  const apiKey = Object.freeze({
    id,
    name,
    workspaceId,
    permissions: Object.freeze([...record.permissions]),
    get expiresAt() {
      return new Date(expiresAt);
    },
    scope,
  });
  return { record, apiKey };
}

declare global {
  namespace Express {
    interface Request {
      /** The API key that `requireApiKey` has let in; absent before it, and with `optional: true` for anonymous requests. */
      apiKey?: RequestApiKey;
    }
  }
}
