import type { Caches, Configurations } from '../cache/caches';
import type { CacheHandle } from '../cache/read-through-cache';
import { readValid } from '../cache/read-valid';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { type FeaturesFor, featuresIn, NOTHING_ENABLED } from '../features';
import { Deadline } from '../timeout';

/** Features that are being read. */
export interface FeaturesRead {
  /** Rejects with `store_unavailable`. */
  readonly result: Promise<FeaturesFor>;
  /** For all that the request waits for in this middleware. */
  readonly deadline: Deadline;
}

/** Finds the features of a workspace's projects, in the cache or the store. */
export interface ProjectFeatures {
  get(workspaceId: string): FeaturesFor | FeaturesRead;
  /**
   * Calls `conclude` with the configurations of a workspace, in the turn in which they were checked; null: it has none. Unknown
   * configurations are an error, `store_unavailable`. `waited`: they were read; the deadline for all that the request waits for in
   * this middleware.
   */
  decide(
    workspaceId: string,
    conclude: (outcome: Configurations | null | KeyscopeError, waited: Deadline | null) => void | Promise<void>,
  ): void | Promise<void>;
  /** The configurations in the cache; null if the workspace has none, undefined if they have to be read, which this begins. */
  known(workspaceId: string): Configurations | null | undefined;
}

export interface ProjectFeaturesDeps {
  readonly caches: Pick<Caches<object>, 'projects'>;
  readonly clock: Clock;
  /** Milliseconds for all reads of a request together. */
  readonly storeTimeout: number;
  /** Called for each request with the outcome of the cache lookup. */
  readonly onLookup?: (outcome: 'hit' | 'miss') => void;
}

export function createProjectFeatures({
  caches,
  clock,
  storeTimeout,
  onLookup = () => {},
}: ProjectFeaturesDeps): ProjectFeatures {
  const { projects } = caches;

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
      return featuresIn(known, projectId);
    };
  }

  function load<T>(
    workspaceId: string,
    deadline: Deadline,
    conclude: (outcome: CacheHandle<Configurations> | KeyscopeError) => T | Promise<T>,
  ): Promise<T> {
    const read = (isOwn: boolean) => (isOwn ? projects.loadFresh(workspaceId) : projects.load(workspaceId));
    return readValid(read, { clock, storeTimeout, deadline }, conclude);
  }

  function getHandle(workspaceId: string): CacheHandle<Configurations> | undefined {
    const held = projects.getHandle(workspaceId, clock.wall());
    onLookup(held === undefined ? 'miss' : 'hit');
    return held;
  }

  return {
    get(workspaceId) {
      const held = getHandle(workspaceId);
      if (held !== undefined) return featuresFor(workspaceId, held);
      const deadline = new Deadline(storeTimeout);
      const result = load(workspaceId, deadline, (outcome) => {
        if (outcome instanceof KeyscopeError) throw outcome;
        return featuresFor(workspaceId, outcome);
      });
      return { result, deadline };
    },
    decide(workspaceId, conclude) {
      const held = getHandle(workspaceId);
      if (held !== undefined) return conclude(held.value, null);
      const deadline = new Deadline(storeTimeout);
      return load(workspaceId, deadline, (outcome) =>
        conclude(outcome instanceof KeyscopeError ? outcome : outcome.value, deadline),
      );
    },
    known(workspaceId) {
      const known = projects.get(workspaceId, clock.wall());
      // If the read fails, they stay unknown.
      if (known === undefined) projects.load(workspaceId).catch(() => undefined);
      return known;
    },
  };
}
