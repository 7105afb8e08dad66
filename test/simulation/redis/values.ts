/** A simple string reply, such as OK. */
export class Status {
  constructor(readonly text: string) {}
}

/** An error reply; the message begins with its code. */
export class ErrorReply {
  constructor(readonly message: string) {}
}

export type Reply = null | string | number | Status | ErrorReply | readonly Reply[];

export const OK = new Status('OK');

export interface StreamEntry {
  readonly id: string;
  readonly fields: readonly string[];
}

export type Value =
  | { readonly type: 'string'; text: string }
  | { readonly type: 'hash'; readonly fields: Map<string, string> }
  | { readonly type: 'zset'; readonly scores: Map<string, number> }
  | { readonly type: 'stream'; entries: StreamEntry[]; lastId: string };

export interface Entry {
  readonly value: Value;
  /** Milliseconds since the epoch; null if it does not expire. */
  expiresAt: number | null;
}

export type Database = Map<string, Entry>;

const DATABASES = 16;

export type Keyspace = Database[];

export function emptyKeyspace(): Keyspace {
  return Array.from({ length: DATABASES }, () => new Map());
}

function copyValue(value: Value): Value {
  switch (value.type) {
    case 'string':
      return { ...value };
    case 'hash':
      return { type: 'hash', fields: new Map(value.fields) };
    case 'zset':
      return { type: 'zset', scores: new Map(value.scores) };
    case 'stream':
      return { ...value, entries: [...value.entries] };
  }
}

export function copyKeyspace(keyspace: Keyspace): Keyspace {
  return keyspace.map((database) => {
    const copy: Database = new Map();
    for (const [name, { value, expiresAt }] of database) copy.set(name, { value: copyValue(value), expiresAt });
    return copy;
  });
}

/** Members by score, then by their bytes. */
export function sortedMembers(scores: ReadonlyMap<string, number>): string[] {
  return [...scores].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([member]) => member);
}
