/** Who is signed in: what `authenticate` answered, checked. */
export interface Identity {
  readonly workspaceId: string;
  readonly actor: string | null;
  readonly readOnly: boolean;
}

/** What `If-Match` insists on: any revision, or one of these entity tags. */
export type IfMatch = '*' | readonly string[];

/** A request as handlers see it: who asks for what, and nothing of any framework. */
export interface Call<Query = unknown, Body = unknown> {
  readonly identity: Identity;
  /** From where: the caller's address, for the audit trail. */
  readonly source: string | null;
  /** The path under which the router is mounted, without a slash at its end. */
  readonly mount: string;
  /** What stands in the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** Null where the request does not say. */
  readonly ifMatch: IfMatch | null;
  readonly idempotencyKey: string | null;
}

/** What a handler answers. Without a body where the status has none. */
export interface Answer {
  readonly status: 200 | 201 | 204;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
