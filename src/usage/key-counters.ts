import type { UsageOutcome } from '../store/usage-store';

/** Counts of one key since they were last collected. Plain numbers, so that counting is one addition. */
export class KeyCounters implements Record<UsageOutcome, number> {
  readonly keyId: string;
  /** Whether the counters are in the recorder's list of changed ones. */
  isDirty = false;
  /** Milliseconds since the epoch. */
  lastUsedAt = 0;
  allowed = 0;
  permission_denied = 0;
  agent_not_in_scope = 0;
  workspace_not_in_scope = 0;
  expired_key = 0;
  disabled_key = 0;

  constructor(keyId: string) {
    this.keyId = keyId;
  }
}

/** A cached key entry that can hold the key's counters. */
export interface HasCounters {
  readonly record: { readonly id: string };
  /** Null before the first count, because most cached keys are idle. */
  counters: KeyCounters | null;
}
