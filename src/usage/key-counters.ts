import { USAGE_OUTCOMES, type UsageOutcome } from '../store/usage-store';

/** Counts of one key since they were last collected, by outcome. Plain numbers, so that counting is one addition. */
export interface KeyCounters extends Record<UsageOutcome, number> {}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor sets every member of the interface.
export class KeyCounters {
  readonly keyId: string;
  /** Whether the counters are in the recorder's list of changed ones. */
  isDirty = false;
  /** Milliseconds since the epoch. */
  lastUsedAt = 0;

  constructor(keyId: string) {
    this.keyId = keyId;
    // In one order for all keys, so that they share one hidden class.
    for (const outcome of USAGE_OUTCOMES) this[outcome] = 0;
  }
}

/** A cached key entry that can hold the key's counters. */
export interface HasCounters {
  readonly record: { readonly id: string };
  /** Null before the first count, because most cached keys are idle. */
  counters: KeyCounters | null;
}
