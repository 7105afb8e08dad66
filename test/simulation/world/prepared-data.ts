import { emptyPlan } from '../plans/empty';
import { copyKeyspace, type Keyspace } from '../redis/values';
import { Keys } from './keys';
import { type CodePool, World } from './world';

/** Data with three keys and an enabled transcript, as the package stores them. */
export interface PreparedData {
  readonly keyspace: Keyspace;
  readonly keys: readonly { readonly id: string; readonly token: string; readonly label: string }[];
}

/** Milliseconds within which one process creates three keys. */
const LIMIT = 5000;

/** Creates the data that small schedules begin with, once for all of them. */
export function prepareData(pool: CodePool): PreparedData {
  const world = new World(emptyPlan(), pool, null);
  const keys = new Keys(world);
  for (const slot of keys.slots) keys.change(0, slot.index, 'create');
  keys.configure(0, true);
  const { kernel } = world;
  const isReady = () => world.pending === 0 && keys.slots.every(({ token }) => token !== null);
  while (kernel.now < LIMIT && !(isReady() && keys.transcript.latest?.outcome === 'acknowledged'))
    kernel.runUntil(kernel.now + 10);
  const [violation] = world.violations;
  if (violation !== undefined || !isReady()) throw new Error(`Cannot create keys: ${violation?.detail ?? 'too slow'}.`);
  return {
    keyspace: copyKeyspace(world.target.keyspace),
    keys: keys.slots.map(({ id, token, subject }) => ({ id: id!, token: token!, label: subject.latest!.label! })),
  };
}
