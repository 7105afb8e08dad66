import type { Features } from '../features';

/**
 * Whose data a body is.
 *
 * - `{ features }`: one project answers for the whole body.
 * - `{ featuresFor }`: the body mixes projects. Each conversation is judged by its own top-level member
 *   `Fields.projectMember`; where that is missing or not a string of at most {@link MAX_PROJECT_ID} UTF-16 units,
 *   nothing is enabled and `featuresFor` is not asked. A conversation inside another inherits nothing from it.
 */
export type Subject = { readonly features: Features } | { readonly featuresFor: (projectId: string) => Features };

/** What can be withheld from a body. */
export type Withheld = 'transcript' | 'metrics';

/** The longest text that can be a project's id in a body; what is longer belongs to no project. */
export const MAX_PROJECT_ID = 256;

/** Features in the form in which they are asked: doubt (anything but `true`, `'all'` or a list) has become "no". */
export interface Rules {
  readonly transcript: boolean;
  /** The metrics that may leave; `null`: all. */
  readonly metrics: ReadonlySet<string> | null;
}

export const DENY_ALL: Rules = { transcript: false, metrics: new Set() };

/** What is written in an object itself: what all objects inherit, because somebody has polluted them, enables nothing. */
function own<T extends object, K extends keyof T>(object: T, name: K): T[K] | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The features of the one project that answers for the whole body; undefined where the body mixes projects. */
export function featuresOf(subject: Subject): Features | undefined {
  return own(subject as { features?: Features }, 'features');
}

export function rulesFor(features: Features): Rules {
  const metrics = own(features, 'metrics');
  return {
    transcript: own(features, 'transcript') === true,
    metrics: metrics === 'all' ? null : new Set(Array.isArray(metrics) ? metrics : []),
  };
}

/** Which features these do not enable, or not wholly: what the `Redacted` header says where the project is fixed. */
export function withheldBy(features: Features): readonly Withheld[] {
  const withheld: Withheld[] = [];
  if (own(features, 'transcript') !== true) withheld.push('transcript');
  if (own(features, 'metrics') !== 'all') withheld.push('metrics');
  return withheld;
}

/** Whether anything could have to be withheld. Where not, a body may pass as it is, unread. */
export function restricts(subject: Subject): boolean {
  const features = featuresOf(subject);
  return features === undefined || withheldBy(features).length > 0;
}
