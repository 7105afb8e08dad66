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

/**
 * The features of the one project that answers for the whole body; undefined where the body mixes projects. Here and below,
 * only what is written in an object itself counts: what all objects inherit, because somebody has polluted them, enables
 * nothing.
 */
export function featuresOf(subject: Subject): Features | undefined {
  return Object.hasOwn(subject, 'features') ? (subject as { readonly features: Features }).features : undefined;
}

function enablesTranscript(features: Features): boolean {
  return Object.hasOwn(features, 'transcript') && features.transcript === true;
}

function metricsOf(features: Features): unknown {
  return Object.hasOwn(features, 'metrics') ? features.metrics : undefined;
}

export function rulesFor(features: Features): Rules {
  const metrics = metricsOf(features);
  return {
    transcript: enablesTranscript(features),
    metrics: metrics === 'all' ? null : new Set(Array.isArray(metrics) ? (metrics as string[]) : []),
  };
}

/** Which features these do not enable, or not wholly: what the `Redacted` header says where the project is fixed. */
export function withheldBy(features: Features): readonly Withheld[] {
  const withheld: Withheld[] = [];
  if (!enablesTranscript(features)) withheld.push('transcript');
  if (metricsOf(features) !== 'all') withheld.push('metrics');
  return withheld;
}

/** Whether anything could have to be withheld. Where not, a body may pass as it is, unread. */
export function restricts(subject: Subject): boolean {
  const features = featuresOf(subject);
  return features === undefined || !enablesTranscript(features) || metricsOf(features) !== 'all';
}
