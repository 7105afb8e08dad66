/** Policies for a key whose token was found in a public place. `notify`: only an audit entry and events. */
export const LEAK_POLICIES = ['revoke', 'disable', 'notify'] as const;
export type LeakPolicy = (typeof LEAK_POLICIES)[number];
/** Outcomes of the report of a leaked token. */
export const LEAK_OUTCOMES = ['revoked', 'disabled', 'notified', 'already_revoked', 'unknown'] as const;

/** A report that a token was found in a public place. Shown in the audit entry, as `exposure` of `after`. */
export interface Exposure {
  readonly policy: LeakPolicy;
  /** Where the report comes from, such as `github`. */
  readonly source: string;
  /** Where the token was found. */
  readonly url: string | null;
}

/** The report of a leaked token in the record of its key. */
export interface RecordedExposure extends Exposure {
  /** Milliseconds since the epoch. */
  readonly at: number;
}
