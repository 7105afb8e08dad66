/** At most `limit` requests in each window. */
export interface RateLimit {
  readonly limit: number;
  /** Milliseconds. Windows begin at multiples of their length since the Unix epoch, by the store's clock. */
  readonly window: number;
}

/** The subject whose requests are counted: a key, a key's requests for one permission, a project, or an address. */
export type LimitSubject =
  | { readonly keyId: string; readonly permission: string | null }
  | { readonly workspaceId: string; readonly projectId: string }
  | { readonly address: string };

/**
 * Request of a process for a part of a limit's allowance. It states what the process has used and leased in total, not a
 * difference. So it can arrive late, twice or never: a copy can cost allowance, and never gives any.
 */
export interface SliceRequest {
  readonly subject: LimitSubject;
  readonly limit: RateLimit;
  /** Unique name. A process takes another after each release. */
  readonly lessee: string;
  /** At least 1. Grows with each request of a lessee. */
  readonly sequence: number;
  /** Number of the window that `used` and `leased` are about. -1: none. In another window, both count as 0. */
  readonly window: number;
  /** Requests that the lessee has allowed in the window. */
  readonly used: number;
  /** Allowance that the lessee knows to have in the window, with the used part. */
  readonly leased: number;
  /** Requests that wait for allowance. */
  readonly wanted: number;
  /** Allowance for later requests, on top. It is granted while ten times as much is left. */
  readonly ahead: number;
  /** Returns the part of `leased` that is not used. The lessee uses nothing after it. */
  readonly release: boolean;
}

/** Reply to a `SliceRequest`. */
export interface SliceGrant {
  /** Number of the window, by the store's clock. */
  readonly window: number;
  /** Milliseconds until the window ends. */
  readonly endsIn: number;
  /** Allowance that the lessee has in the window, with the used part. */
  readonly leased: number;
  /** Allowance that no process has leased. */
  readonly free: number;
}

/** Store of the counters of limits. A counter expires with its window. */
export interface LimitStore {
  /** Leases or releases a part of the allowance of one window, in one atomic step. Rejects with `store_unavailable`. */
  leaseSlice(request: SliceRequest): Promise<SliceGrant>;
}
