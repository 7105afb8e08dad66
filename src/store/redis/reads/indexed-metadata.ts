import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../clock';
import { indexedPair } from '../../key-search';
import type { KeyQuery } from '../../store';
import type { DefineClientScript } from '../client-script';
import { unavailable } from '../errors';
import type { KeyNames } from '../key-names';
import { FOLLOW_METADATA } from '../scripts/metadata-index.lua';

/** Records or changes in one step, in which Redis runs nothing else: about 3 ms. */
const STEPS = '200';
/** Milliseconds for which a list brings an index up to date. Afterwards it examines all keys. */
const FOLLOW_TIME = 20;
/** Milliseconds between the steps that no list waits for. */
const PAUSE = 5;
/** Replies of a step. Without an audit log, an index cannot follow the changes. */
const [BEHIND, COMPLETE] = [0, 1];

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

/** Creates the function that finds, and brings up to date, the index for a query. `close` ends what it does in the background. */
export function createIndexOf({ defineScript, keyNames, keyPrefix, clock, names }: IndexedMetadataOptions) {
  const run = defineScript({
    name: 'followMetadata',
    lua: FOLLOW_METADATA,
    numberOfKeys: 4,
    toError: (cause) => unavailable('An index of metadata could not be read.', cause),
  });
  /** Indexes that are completed in the background, by the names of their states. */
  const building = new Set<string>();
  let isClosed = false;

  function stepOf(workspaceId: string, name: string) {
    const { state, entries, sets } = keyNames.metadataIndex(workspaceId, name);
    const keys = [keyNames.audit(workspaceId), keyNames.index(workspaceId, 'created'), state, entries];
    const args = [keyPrefix + keyNames.namesOf(workspaceId).key, keyPrefix + sets, name, STEPS, workspaceId];
    return { state, step: async () => Number(await run(keys, ...args)) };
  }

  /** Takes the rest of the steps. */
  async function build(state: string, step: () => Promise<number>): Promise<void> {
    if (building.has(state)) return;
    building.add(state);
    try {
      do await sleep(PAUSE, undefined, { ref: false });
      while (!isClosed && (await step()) === BEHIND);
    } finally {
      building.delete(state);
    }
  }

  /** Whether the index of a name has all keys. */
  async function follow(workspaceId: string, name: string): Promise<boolean> {
    const until = clock.monotonic() + FOLLOW_TIME;
    const { state, step } = stepOf(workspaceId, name);
    let reply: number;
    do reply = await step();
    while (reply === BEHIND && clock.monotonic() < until);
    // If it fails, the next list continues.
    if (reply === BEHIND) build(state, step).catch(() => undefined);
    return reply === COMPLETE;
  }

  async function indexOf({ workspaceId, filter, sort }: KeyQuery): Promise<string> {
    const all = keyNames.index(workspaceId, sort);
    const pair = indexedPair(filter ?? null, names);
    if (pair === null) return all;
    const [name, value] = pair;
    // Without the index, for example because Redis has no memory left for it, the list takes longer.
    const isComplete = await follow(workspaceId, name).catch(() => false);
    if (!isComplete) return all;
    const digest = createHash('sha1').update(value).digest('hex');
    return `${keyNames.metadataIndex(workspaceId, name).sets}${digest}:${sort}`;
  }

  return {
    indexOf,
    close() {
      isClosed = true;
    },
  };
}
