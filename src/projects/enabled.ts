import type { Configurations, Recollection } from '../cache/recollection';
import type { Clock } from '../clock';
import { type Features, NOTHING_ENABLED } from '../features';

/** What a workspace's projects have enabled, by project id. A project without a configuration has nothing enabled. */
export type FeaturesFor = (projectId: string | undefined) => Features;

/** Finds what a workspace's projects have enabled, from memory where that may say, else from the store. */
export interface EnabledFeatures {
  /** Rejects with `store_unavailable`. */
  of(workspaceId: string): FeaturesFor | Promise<FeaturesFor>;
}

const NOTHING: Configurations = new Map();

export function createEnabledFeatures(
  { projects, isDoubtful }: Pick<Recollection<object>, 'projects' | 'isDoubtful'>,
  clock: Clock,
  onLookup: (outcome: 'hit' | 'miss') => void = () => {},
): EnabledFeatures {
  /**
   * Looks again each time it is asked: a response may begin long after its request, and what has been disabled meanwhile
   * must not leave. Where memory may not say, what was read for the request counts, unless a change has been heard since:
   * then nobody knows what is enabled, until the next request reads it.
   */
  function featuresFor(workspaceId: string, read: Configurations): FeaturesFor {
    return function featuresForProject(projectId) {
      if (projectId === undefined) return NOTHING_ENABLED;
      const known = projects.peek(workspaceId, clock.wall()) ?? (isDoubtful(read) ? NOTHING : read);
      return known.get(projectId) ?? NOTHING_ENABLED;
    };
  }

  return {
    of(workspaceId) {
      const remembered = projects.peek(workspaceId, clock.wall());
      onLookup(remembered ? 'hit' : 'miss');
      if (remembered) return featuresFor(workspaceId, remembered);
      return projects.load(workspaceId).then((read) => featuresFor(workspaceId, read ?? NOTHING));
    },
  };
}
