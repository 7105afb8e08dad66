import type { Request } from 'express';
import type { Configurations } from '../cache/caches';
import type { ReadThroughCache } from '../cache/read-through-cache';
import { type Features, featuresIn } from '../features';
import type { Store } from '../store/store';
import { type EntryCaches, type EntryUse, type Reread, readAgain, type UseEnd } from './entry-use';
import { EntryWatch, type WatchSettings } from './entry-watch';
import type { OpenRequest, PassedRequirement, ReadAgain } from './open-request';

/** Ends uses of configurations that have become stricter. */
export class FeatureWatch extends EntryWatch<Configurations> {
  /** Whether the app has a `requireFeature`. */
  hasRequirements = false;

  constructor(projects: ReadThroughCache<Configurations>, store: Store, settings: WatchSettings) {
    super({
      ...settings,
      cache: projects,
      lease: (workspaceId) => store.projectsLease(workspaceId),
      answeredAt: (workspaceId) => store.answeredAt({ workspaceId }),
      expiresAt: () => Number.POSITIVE_INFINITY,
      unconfirmed: 'The key store could not confirm the configuration of the project.',
    });
    // The caches listen already, so that they are invalidated first.
    store.onChange({
      keyChanged() {},
      projectsChanged: (workspaceId) => this.invalidate(workspaceId),
      allChanged: () => this.invalidateAll(),
    });
  }
}

/** The requirement of one `requireFeature`. */
export interface FeatureRequirement {
  readonly watch: FeatureWatch;
  readonly denial: UseEnd;
  isEnabled(features: Features): boolean;
}

/** The project that a `requireFeature` was passed for. */
export interface FeatureSubject {
  readonly workspaceId: string;
  readonly projectId: string;
  /** Of the workspace. */
  readonly configurations: Configurations;
}

/** The allowed request that has passed a `requireFeature`. */
interface AllowedBefore {
  readonly earlier: PassedRequirement | undefined;
  emitEnded(reason: UseEnd['reason'], request: { readonly req: Request }): void;
}

/** A `requireFeature` that a request has passed. Watched only if something of the request is to end with it. */
export class PassedFeature implements PassedRequirement, EntryUse<Configurations> {
  readonly watchedId: string;
  readonly accepted: Configurations;
  readonly earlier: PassedRequirement | undefined;
  readonly #requirement: FeatureRequirement;
  readonly #projectId: string;
  readonly #allowed: AllowedBefore;
  #open: OpenRequest | undefined = undefined;

  constructor(requirement: FeatureRequirement, subject: FeatureSubject, allowed: AllowedBefore) {
    this.watchedId = subject.workspaceId;
    this.accepted = subject.configurations;
    this.earlier = allowed.earlier;
    this.#requirement = requirement;
    this.#projectId = subject.projectId;
    this.#allowed = allowed;
  }

  watchFor(open: OpenRequest): void {
    this.#open = open;
    this.#requirement.watch.add(this);
  }

  check(configurations: Configurations | null): UseEnd | null {
    const denial = this.denialFor(configurations);
    if (denial === null) this.#open?.allow(this);
    return denial;
  }

  readAgain({ projects }: EntryCaches, { isOwn, clock }: ReadAgain): Promise<Reread> {
    return readAgain({ cache: projects, id: this.watchedId, isOwn, clock }, (entry) => this.denialFor(entry));
  }

  private denialFor(configurations: Configurations | null): UseEnd | null {
    const isEnabled = this.#requirement.isEnabled(featuresIn(configurations, this.#projectId));
    return isEnabled ? null : this.#requirement.denial;
  }

  isOver(): boolean {
    return this.#open?.isOver() ?? true;
  }

  end(end: UseEnd): boolean {
    return this.#open?.end(end, this) ?? true;
  }

  emitEnded(reason: UseEnd['reason'], request: { readonly req: Request }): void {
    this.#allowed.emitEnded(reason, request);
  }
}
