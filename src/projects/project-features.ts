import type { Caches, Configurations } from '../cache/caches';
import type { CacheHandle } from '../cache/read-through-cache';
import type { Clock } from '../clock';
import { type Features, NOTHING_ENABLED } from '../features';
import { createBackgroundRefresh } from './background-refresh';

/** What a workspace's projects have enabled, by project id. A project without a configuration has nothing enabled. */
export type FeaturesFor = (projectId: string | undefined) => Features;

/** Finds what a workspace's projects have enabled, from memory where that may say, else from the store. */
export interface ProjectFeatures {
  /** Rejects with `store_unavailable`. */
  get(workspaceId: string): FeaturesFor | Promise<FeaturesFor>;
  /**
   * Keeps what a workspace has enabled in memory for as long as a response is under way that will ask for it. To be called
   * with the request; the function that is returned ends it.
   */
  keepFresh(workspaceId: string): () => void;
  /** Ends what is kept up for {@link keepFresh}. */
  close(): void;
}

export interface ProjectFeaturesDeps {
  readonly caches: Pick<Caches<object>, 'projects'>;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Told of each request whether memory could say. */
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
   * Looks again each time it is asked: a response may begin long after its request, and what has been disabled meanwhile
   * must not leave. Where memory may not say, what was read for the request counts as long as it may be believed; after that
   * nobody knows what is enabled.
   */
  function featuresFor(workspaceId: string, held: CacheHandle<Configurations>): FeaturesFor {
    return function featuresForProject(projectId) {
      if (projectId === undefined) return NOTHING_ENABLED;
      const wall = clock.wall();
      const known = projects.get(workspaceId, wall) ?? (held.isValid(wall) ? held.value : null);
      return known?.get(projectId) ?? NOTHING_ENABLED;
    };
  }

  /** What was overtaken by a change while it was read is read again; not for ever, as changes may come without end. */
  async function load(workspaceId: string): Promise<FeaturesFor> {
    const held = await projects.loadHandle(workspaceId);
    return featuresFor(workspaceId, held.isValid(clock.wall()) ? held : await projects.loadHandle(workspaceId));
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
