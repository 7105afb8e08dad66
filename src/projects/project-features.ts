import type { Caches, Configurations } from '../cache/caches';
import type { CacheHandle } from '../cache/read-through-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { type Features, NOTHING_ENABLED } from '../features';
import { createBackgroundRefresh } from './background-refresh';

const OUTDATED = 'The configuration changed while it was read, or the reply came too late. Try again.';

/** Features of a workspace's projects, by project id. A project without configuration has none. */
export type FeaturesFor = (projectId: string | undefined) => Features;

/** Finds the features of a workspace's projects, in the cache or the store. */
export interface ProjectFeatures {
  /** Rejects with `store_unavailable`. */
  get(workspaceId: string): FeaturesFor | Promise<FeaturesFor>;
  /**
   * Keeps the configurations of a workspace in the cache while a response is in progress. Call it with the request, and
   * the returned function at the end of the response.
   */
  keepFresh(workspaceId: string): () => void;
  /** Stops all timers of {@link keepFresh}. */
  close(): void;
}

export interface ProjectFeaturesDeps {
  readonly caches: Pick<Caches<object>, 'projects'>;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Called for each request with the outcome of the cache lookup. */
  readonly onLookup?: (outcome: 'hit' | 'miss') => void;
}

export function createProjectFeatures({
  caches,
  clock,
  maxRevocationLag,
  onLookup = () => {},
}: ProjectFeaturesDeps): ProjectFeatures {
  const { projects } = caches;
  const refresh = createBackgroundRefresh({
    every: maxRevocationLag / 4,
    async renew(workspaceId) {
      if (!projects.isFresh(workspaceId, clock.wall())) await projects.load(workspaceId);
    },
  });

  /**
   * Reads the cache at each call, because a response can begin long after its request, and must not contain features
   * disabled since. If the cache cannot decide, the result of the request's own read counts while its lease holds. After
   * that, nothing is enabled.
   */
  function featuresFor(workspaceId: string, held: CacheHandle<Configurations>): FeaturesFor {
    return function featuresForProject(projectId) {
      if (projectId === undefined) return NOTHING_ENABLED;
      const wall = clock.wall();
      const known = projects.get(workspaceId, wall) ?? (held.isValid(wall) ? held.value : null);
      return known?.get(projectId) ?? NOTHING_ENABLED;
    };
  }

  /** Reads once more if the configurations changed while they were read, or if the reply came too late. */
  async function load(workspaceId: string): Promise<FeaturesFor> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const handle = await projects.load(workspaceId);
      if (handle.isValid(clock.wall())) return featuresFor(workspaceId, handle);
    }
    throw new KeyscopeError('store_unavailable', OUTDATED);
  }

  return {
    get(workspaceId) {
      const held = projects.getHandle(workspaceId, clock.wall());
      onLookup(held === undefined ? 'miss' : 'hit');
      return held === undefined ? load(workspaceId) : featuresFor(workspaceId, held);
    },
    keepFresh: refresh.keepFresh,
    close: refresh.close,
  };
}
