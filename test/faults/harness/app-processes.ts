import { createApiKeys } from 'keyscope';
import { type AppProcess, startApp } from './app-process';
import { carryOut, PERMISSIONS } from './commands';
import { connect, HABITS, type Place } from './connect';
import type { Carrier } from './writer';

/** What every process of a fleet promises. The margin is for two cores that a whole test suite shares. */
export const PROMISED = { maxRevocationLag: 1000, storeTimeout: 500, margin: 1000 } as const;

/** Several processes of one app, and one more way to change keys that nothing befalls. */
export interface Fleet {
  readonly apps: readonly AppProcess[];
  readonly direct: Carrier;
  /** Where its servers listen. */
  readonly ports: readonly number[];
  close(): Promise<void>;
}

export interface FleetOptions {
  /** Where Redis is, as each process sees it. */
  readonly places: readonly Place[];
  /** Where it is for who changes keys. */
  readonly directPlace: Place;
  readonly ports: readonly number[];
  /** More of what `createApiKeys` takes. */
  readonly options?: Record<string, unknown>;
}

let fleets = 0;

export async function startFleet({ places, directPlace, ports, options = {} }: FleetOptions): Promise<Fleet> {
  fleets += 1;
  const namespace = `fleet-${process.pid}-${fleets}`;
  const { maxRevocationLag, storeTimeout } = PROMISED;
  const all = { maxRevocationLag, storeTimeout, ...options };
  const starts = places.map((place, i) => {
    return startApp({ place, namespace, habit: HABITS[i % HABITS.length]!, options: all });
  });
  const outcomes = await Promise.allSettled(starts);
  const apps = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(apps.map((app) => app.stop()));
    throw failed.reason;
  }

  const redis = connect(directPlace, 'default');
  const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis, namespace, ...all });
  return {
    apps,
    ports,
    direct: (order) => carryOut(apiKeys, order),
    async close() {
      await apiKeys.close();
      redis.disconnect();
      await Promise.all(apps.map((app) => app.stop()));
    },
  };
}
