import { KeyscopeError } from '../../errors';
import { importedKeyId } from '../../keys/import';
import type { KeyMutationContext } from '../../keys/model';
import type { KeyService } from '../../keys/service';
import { type BadRow, type PlannedKey, sentenceOf } from './plan';

/** What has come of the keys of a plan. */
export interface Outcome {
  imported: number;
  /** Those that had been imported before. */
  skipped: number;
  readonly bad: BadRow[];
}

export interface StoreKeysOptions {
  readonly keys: Pick<KeyService, 'get' | 'import'>;
  readonly origin: Omit<KeyMutationContext, 'revision'>;
  /** Only look which there are already. */
  readonly dryRun: boolean;
  onStored(done: number): void;
}

/** Changes under way at once: enough to keep Redis busy, without keeping those who use it waiting. */
const AT_ONCE = 64;

/** Stores keys, several at a time. Rejects where the store fails; `outcome` then tells how far it got. */
export async function storeKeys(
  planned: readonly PlannedKey[],
  outcome: Outcome,
  { keys, origin, dryRun, onStored }: StoreKeysOptions,
): Promise<void> {
  const { workspaceId } = origin;
  const within = workspaceId === undefined ? {} : { workspaceId };

  async function isThere({ input }: PlannedKey): Promise<boolean> {
    try {
      await keys.get(importedKeyId({ ...input, ...within }), within);
      return true;
    } catch (error) {
      if (error instanceof KeyscopeError && error.code === 'key_not_found') return false;
      throw error;
    }
  }

  async function store(key: PlannedKey): Promise<void> {
    if (dryRun) {
      if (await isThere(key)) outcome.skipped += 1;
      else outcome.imported += 1;
      return;
    }
    try {
      await keys.import(key.input, origin);
      outcome.imported += 1;
    } catch (error) {
      if (!(error instanceof KeyscopeError) || error.code === 'store_unavailable') throw error;
      // In this workspace: the work is done. In another: it is not, and cannot be.
      if (error.code === 'conflict' && (await isThere(key))) outcome.skipped += 1;
      else outcome.bad.push({ line: key.line, message: sentenceOf(error) });
    }
  }

  let next = 0;
  let done = 0;
  async function work(): Promise<void> {
    while (next < planned.length) {
      const key = planned[next] as PlannedKey;
      next += 1;
      try {
        await store(key);
      } catch (error) {
        // The others need not try what has just failed.
        next = planned.length;
        throw error;
      }
      done += 1;
      onStored(done);
    }
  }
  const results = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
