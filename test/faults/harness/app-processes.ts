import { createApiKeys } from 'keyscope';
import { type AppProcess, startApp } from './app-process';
import { type CommandRunner, PERMISSIONS, runCommand } from './commands';
import { CLIENT_PROFILES, connect, type RedisLocation } from './connect';

/** Limits of every process. The margin allows for two cores that a whole test suite shares. */
export const LIMITS = { maxRevocationLag: 1000, storeTimeout: 500, margin: 1000 } as const;

/** Several processes of one app, and a connection for changes that no fault affects. */
export interface Deployment {
  readonly apps: readonly AppProcess[];
  readonly direct: CommandRunner;
  /** Ports of the Redis servers. */
  readonly ports: readonly number[];
  close(): Promise<void>;
}

export interface DeploymentOptions {
  /** Address of Redis, for each process. */
  readonly locations: readonly RedisLocation[];
  /** Address of Redis for the unaffected connection. */
  readonly directLocation: RedisLocation;
  readonly ports: readonly number[];
  /** Further options of `createApiKeys`. */
  readonly options?: Record<string, unknown>;
}

let deployments = 0;

export async function startDeployment({
  locations,
  directLocation,
  ports,
  options = {},
}: DeploymentOptions): Promise<Deployment> {
  deployments += 1;
  const namespace = `deployment-${process.pid}-${deployments}`;
  const { maxRevocationLag, storeTimeout } = LIMITS;
  const all = { maxRevocationLag, storeTimeout, ...options };
  const starts = locations.map((location, i) => {
    return startApp({ location, namespace, profile: CLIENT_PROFILES[i % CLIENT_PROFILES.length]!, options: all });
  });
  const outcomes = await Promise.allSettled(starts);
  const apps = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(apps.map((app) => app.stop()));
    throw failed.reason;
  }

  const redis = connect(directLocation, 'default');
  const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis, namespace, ...all });
  return {
    apps,
    ports,
    direct: (command) => runCommand(apiKeys, command),
    async close() {
      await apiKeys.close();
      redis.disconnect();
      await Promise.all(apps.map((app) => app.stop()));
    },
  };
}
