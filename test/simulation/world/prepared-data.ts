import { readStoredKeys } from '../checks/ground-truth';
import { emptyPlan } from '../plans/empty';
import { copyKeyspace, type Keyspace } from '../redis/values';
import { Keys } from './keys';
import type { Source } from './load-source';
import { World } from './world';

export interface PreparedKey {
  readonly id: string;
  readonly token: string;
  readonly label: string;
}

/** Data with four keys and an enabled transcript, as the package stores them. */
export interface PreparedData {
  readonly keyspace: Keyspace;
  readonly keys: readonly PreparedKey[];
  /** The key of an imported token. */
  readonly imported: PreparedKey;
}

/** Milliseconds within which one process creates the keys. */
const LIMIT = 5000;
const IMPORTED = { name: 'imported v0', token: 'token-of-another-system-0123456789' };

/** Creates the data that schedules begin with, once for all of them. */
export function prepareData(source: Source): PreparedData {
  const world = new World({ ...emptyPlan(), importsTokens: true }, source, null);
  const { kernel, target, violations } = world;
  const process = world.processes[0]!;
  const keys = new Keys(world, null, 'prepared');
  for (const slot of keys.slots) keys.change(0, slot.index, 'create');
  keys.configure(0, true);
  process.loop.input(() => void process.importKey(IMPORTED.name, IMPORTED.token));
  const findImported = () => readStoredKeys(target).find(({ label }) => label === IMPORTED.name);
  const isReady = () => keys.transcript.latest?.outcome === 'acknowledged' && keys.slots.every(({ token }) => token);
  while (kernel.now < LIMIT && !isReady()) kernel.runUntil(kernel.now + 10);
  // Its alias is linked last.
  kernel.runUntil(kernel.now + 100);
  const imported = findImported();
  if (violations.length > 0 || !isReady() || imported === undefined)
    throw new Error(`Cannot create keys: ${violations[0]?.detail ?? 'too slow'}.`);
  return {
    keyspace: copyKeyspace(target.keyspace),
    keys: keys.slots.map(({ id, token, subject }) => ({ id: id!, token: token!, label: subject.latest!.label! })),
    imported: { id: imported.id, token: IMPORTED.token, label: IMPORTED.name },
  };
}
