import type { ReadThrough } from '../cache/read-through';
import type { Clock } from '../clock';
import { type Features, NOTHING_ENABLED } from '../features';
import type { ProjectRecord } from '../store/records';

/** What a workspace's projects have enabled, by project id. A project without a configuration has nothing enabled. */
export type FeaturesFor = (projectId: string | undefined) => Features;

type Configurations = ReadonlyMap<string, ProjectRecord>;

/** Finds what a workspace's projects have enabled, from memory where that may say, else from the store. */
export interface EnabledFeatures {
  /** Rejects with `store_unavailable`. */
  of(workspaceId: string): FeaturesFor | Promise<FeaturesFor>;
}

export function createEnabledFeatures(projects: ReadThrough<Configurations>, clock: Clock): EnabledFeatures {
  /**
   * Looks again each time it is asked, for as long as memory may say: a response may begin long after its request, and
   * what has been disabled meanwhile must not leave. Where memory may not say, what was read for the request counts.
   */
  function featuresFor(workspaceId: string, read: Configurations): FeaturesFor {
    return function featuresForProject(projectId) {
      if (projectId === undefined) return NOTHING_ENABLED;
      const configurations = projects.peek(workspaceId, clock.wall()) ?? read;
      return configurations.get(projectId) ?? NOTHING_ENABLED;
    };
  }

  return {
    of(workspaceId) {
      const remembered = projects.peek(workspaceId, clock.wall());
      if (remembered) return featuresFor(workspaceId, remembered);
      return projects.load(workspaceId).then((read) => featuresFor(workspaceId, read ?? new Map()));
    },
  };
}
