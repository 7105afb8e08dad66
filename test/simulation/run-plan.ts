import { readStoredKey } from './checks/ground-truth';
import type { Violation } from './checks/history';
import { Faults } from './world/faults';
import { Keys } from './world/keys';
import type { Plan } from './world/plan';
import { Traffic } from './world/traffic';
import { type CodePool, World } from './world/world';

/** Milliseconds after the last fault within which everything works again. */
const BACK_IN_SERVICE = 2000;
/** How long it may take until all processes are connected, before anything is broken. */
const START = 3000;

export interface Outcome {
  readonly violations: readonly Violation[];
  /** Happenings of simulated time. */
  readonly steps: number;
}

/** Runs one schedule. It must be called outside of a microtask. */
export function runPlan(plan: Plan, pool: CodePool, log: string[] | null = null): Outcome {
  const world = new World(plan, pool, log);
  const { kernel, processes } = world;
  const keys = new Keys(world);
  const faults = new Faults(world, keys);
  const traffic = new Traffic(world, keys.slots, keys.transcript);

  for (const slot of keys.slots) keys.change(0, slot.index, 'create');
  keys.configure(0, true);
  for (let waited = 0; waited < START && keys.slots.some(({ token }) => token === null); waited += 10) {
    kernel.runUntil(kernel.now + 10);
  }
  // The first request opens the invalidation feed.
  const token = keys.slots.find((slot) => slot.token !== null)?.token;
  if (token == null) return { violations: world.violations, steps: kernel.steps };
  for (const process of processes) process.loop.input(() => void process.verify(token, 'read'));
  kernel.runUntil(kernel.now + plan.maxRevocationLag / 2);

  world.startedAt = kernel.now;
  faults.takeSnapshot();
  traffic.start();
  for (const step of plan.steps) kernel.at(world.startedAt + Math.max(0, step.at), () => faults.run(step));
  kernel.runUntil(world.startedAt + plan.calmAt);
  world.network.isCalm = true;
  // TCP adds to a fault that delays an attempt to connect.
  while (world.network.settlesAt > kernel.now) kernel.runUntil(world.network.settlesAt);
  if (world.violations.length === 0) {
    kernel.runUntil(kernel.now + BACK_IN_SERVICE);
    checkService(world, keys);
    kernel.runUntil(kernel.now + 2 * plan.storeTimeout + 20);
    traffic.stop();
  }
  return { violations: world.violations, steps: kernel.steps };
}

/** After the last fault every process decides by the data as they are. */
function checkService(world: World, keys: Keys): void {
  const { kernel, plan } = world;
  for (const process of world.processes) {
    for (const { token, id, subject } of keys.slots) {
      if (token === null || id === null) continue;
      process.loop.input(() => {
        const since = kernel.now - 1.01 * plan.maxRevocationLag;
        process.verify(token, 'read').then((decision) => {
          const stored = readStoredKey(world.target, id);
          const what = `process ${process.index}, ${subject.name}`;
          if (!decision.accepted && decision.code === 'store_unavailable') {
            world.violate('not back in service', `${what}: ${JSON.stringify(process.apiKeys.health())}`);
          } else if (subject.storedAt < since && subject.changes.every(({ endedAt }) => endedAt < since)) {
            // Nothing of the key has changed for a while, so there is one right answer.
            const state = stored?.state;
            const isGood =
              state !== undefined && !state.isGone && !state.isDisabled && state.permissions.includes('read');
            if (decision.accepted !== isGood)
              world.violate(
                'wrong after faults',
                `${what}: ${JSON.stringify(decision)}, stored ${JSON.stringify(stored)}`,
              );
          }
        });
      });
    }
  }
}
