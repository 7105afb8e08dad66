import type { UsageOutcome } from '../store/usage-store';

/** What has been counted of one key since it was last collected. Plain numbers: counting is one addition. */
export class KeyCounters implements Record<UsageOutcome, number> {
  readonly keyId: string;
  /** Whether it is among those that will be collected. */
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

/** Something that is remembered of a key and can carry what is counted of it. */
export interface HasCounters {
  readonly record: { readonly id: string };
  /** Null until it is counted for the first time: most keys that are remembered are idle. */
  counters: KeyCounters | null;
}
