import { createHash } from 'node:crypto';
import type { Clock } from '../../../clock';
import { indexedPair } from '../../key-search';
import type { KeyQuery } from '../../store';
import type { DefineClientScript } from '../client-script';
import { unavailable } from '../errors';
import type { KeyNames } from '../key-names';
import { FOLLOW_METADATA } from '../scripts/metadata-index.lua';

/** Records or changes in one step, in which Redis runs nothing else. */
const STEPS = '200';
/** Milliseconds for which a list brings the index up to date. Afterwards it examines all keys, and the next list goes on. */
const FOLLOW_TIME = 20;

interface IndexedMetadataOptions {
  readonly defineScript: DefineClientScript;
  readonly keyNames: KeyNames;
  /** The client's own prefix of all names. */
  readonly keyPrefix: string;
  readonly clock: Clock;
  /** The declared names. */
  readonly names: readonly string[];
}

/** Finds the index of a query: by a declared name of metadata if its filter has one, otherwise of all keys. */
export type IndexOf = (query: KeyQuery) => Promise<string>;

/** Creates the function that finds, and brings up to date, the index for a query. */
export function createIndexOf({ defineScript, keyNames, keyPrefix, clock, names }: IndexedMetadataOptions): IndexOf {
  const run = defineScript({
    name: 'followMetadata',
    lua: FOLLOW_METADATA,
    numberOfKeys: 4,
    toError: (cause) => unavailable('An index of metadata could not be read.', cause),
  });

  /** Whether the index of a name has all keys. */
  async function follow(workspaceId: string, name: string): Promise<boolean> {
    const until = clock.monotonic() + FOLLOW_TIME;
    const { state, entries, sets } = keyNames.metadataIndex(workspaceId, name);
    const keys = [keyNames.audit(workspaceId), keyNames.index(workspaceId, 'created'), state, entries];
    const args = [keyPrefix + keyNames.namesOf(workspaceId).key, keyPrefix + sets, name, STEPS, workspaceId];
    do {
      if (Number(await run(keys, ...args)) === 1) return true;
    } while (clock.monotonic() < until);
    return false;
  }

  return async function indexOf({ workspaceId, filter, sort }) {
    const all = keyNames.index(workspaceId, sort);
    const pair = indexedPair(filter ?? null, names);
    if (pair === null) return all;
    const [name, value] = pair;
    // Without the index, for example because Redis has no memory left for it, the list takes longer.
    const isComplete = await follow(workspaceId, name).catch(() => false);
    if (!isComplete) return all;
    const digest = createHash('sha1').update(value).digest('hex');
    return `${keyNames.metadataIndex(workspaceId, name).sets}${digest}:${sort}`;
  };
}
