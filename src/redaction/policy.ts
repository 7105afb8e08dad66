import type { Features } from '../features';
import type { FieldMatch, Fields } from './path-matcher';

/**
 * The source of the policy for a body.
 *
 * - `{ features }`: the whole body belongs to one project.
 * - `{ featuresFor }`: the body mixes projects. The top-level member `Fields.projectMember` of each conversation names its
 *   project. If that is missing, or not a string of at most {@link MAX_PROJECT_ID} UTF-16 units, nothing is enabled and
 *   `featuresFor` is not called. A conversation inside another inherits nothing from it.
 */
export type PolicySource = { readonly features: Features } | { readonly featuresFor: (projectId: string) => Features };

/** A feature whose fields were removed from a body. */
export type Withheld = 'transcript' | 'metrics';

/** The length of the longest string that can be a project's id in a body. */
export const MAX_PROJECT_ID = 256;

/** Features in the form that is fast to query. Invalid values (anything but `true`, `'all'` or an array) enable nothing. */
export interface Rules {
  readonly transcript: boolean;
  /** The metrics that may be sent; `null`: all. */
  readonly metrics: ReadonlySet<string> | null;
}

const DENY_ALL: Rules = { transcript: false, metrics: new Set() };

/**
 * The features of the one project of a whole body; undefined if the body mixes projects. Here and below, only own properties
 * count: inherited ones (prototype pollution) enable nothing.
 */
export function featuresOf(source: PolicySource): Features | undefined {
  return Object.hasOwn(source, 'features') ? (source as { readonly features: Features }).features : undefined;
}

function enablesTranscript(features: Features): boolean {
  return Object.hasOwn(features, 'transcript') && features.transcript === true;
}

function metricsOf(features: Features): unknown {
  return Object.hasOwn(features, 'metrics') ? features.metrics : undefined;
}

function rulesFor(features: Features): Rules {
  const metrics = metricsOf(features);
  return {
    transcript: enablesTranscript(features),
    metrics: metrics === 'all' ? null : new Set(Array.isArray(metrics) ? (metrics as string[]) : []),
  };
}

/** The features that are not enabled, or not entirely: the `Redacted` header if the project is fixed. */
export function withheldBy(features: Features): readonly Withheld[] {
  const withheld: Withheld[] = [];
  if (!enablesTranscript(features)) withheld.push('transcript');
  if (metricsOf(features) !== 'all') withheld.push('metrics');
  return withheld;
}

/** Whether `rules` allow something that `others` do not. */
function allowMore(rules: Rules, others: Rules): boolean {
  if (rules.transcript && !others.transcript) return true;
  if (others.metrics === null) return false;
  return rules.metrics === null || [...rules.metrics].some((metric) => !others.metrics!.has(metric));
}

/** Whether anything could have to be removed. If not, a body may pass through unread. */
export function restricts(source: PolicySource): boolean {
  const features = featuresOf(source);
  return features === undefined || !enablesTranscript(features) || metricsOf(features) !== 'all';
}

/** The value must be cleared. */
export const CLEAR = Symbol('empty');

/** The action on a matched value: keep it (`null`), clear it, or keep only these names of an object. */
export type RedactionAction = null | typeof CLEAR | ReadonlySet<string>;

const TRANSCRIPT = 1;
const METRICS = 2;
/** Projects of one body that are known to enable nothing. An endless body may have any number. */
const MAX_DENIED = 1000;
const NAMES: readonly (readonly Withheld[])[] = [[], ['transcript'], ['metrics'], ['transcript', 'metrics']];

/** Applies a source's rules to the matches in one body. */
export class RedactionPolicy {
  #source: PolicySource;
  /**
   * By project, so that a body of a thousand conversations looks each project up once. All that enable something are kept, to compare
   * them with a later configuration: they are at most as many as the workspace has configured.
   */
  #known: Map<string, Rules> | undefined;
  #denied: Set<string> | undefined;
  readonly #open: (Rules | undefined)[];
  #withheld = 0;

  constructor(fields: Fields, source: PolicySource) {
    this.#source = source;
    this.#open = new Array(fields.levels);
    this.begin(source);
  }

  /** Another body begins, perhaps with another policy. */
  begin(source: PolicySource): void {
    this.#source = source;
    this.#known = this.#denied = undefined;
    const features = featuresOf(source);
    this.#open.fill(features && rulesFor(features));
  }

  /** A conversation begins. Its project is not known yet. */
  clearProject(level: number): void {
    this.#open[level] = undefined;
  }

  /** Sets the project of the conversation open at `level`; `undefined`: it has none. */
  setProject(level: number, projectId: string | undefined): void {
    this.#open[level] = projectId === undefined ? DENY_ALL : this.#rules(projectId);
  }

  #rules(projectId: string): Rules {
    const known = this.#denied?.has(projectId) ? DENY_ALL : this.#known?.get(projectId);
    if (known !== undefined) return known;
    const source = this.#source;
    const rules = 'featuresFor' in source ? rulesFor(source.featuresFor(projectId)) : DENY_ALL;
    if (allowMore(rules, DENY_ALL)) {
      this.#known ??= new Map();
      this.#known.set(projectId, rules);
    } else {
      if (this.#denied === undefined || this.#denied.size === MAX_DENIED) this.#denied = new Set();
      this.#denied.add(projectId);
    }
    return rules;
  }

  /** Whether the body under way has been redacted by rules that allow more than `source` does now. */
  isLooserThan(source: PolicySource): boolean {
    if ('featuresFor' in source) {
      const known = [...(this.#known ?? [])];
      return known.some(([projectId, rules]) => allowMore(rules, rulesFor(source.featuresFor(projectId))));
    }
    const [rules] = this.#open;
    return rules !== undefined && allowMore(rules, rulesFor(source.features));
  }

  /** A level of these matches whose project is not known yet; -1: all are known. */
  firstUnresolvedLevel(matches: readonly FieldMatch[]): number {
    for (const { level } of matches) {
      if (this.#open[level] === undefined) return level;
    }
    return -1;
  }

  /** Combines matches: a value is sent only if every match allows it. */
  actionFor(matches: readonly FieldMatch[]): RedactionAction {
    let action: RedactionAction = null;
    for (let i = 0; i < matches.length; i++) {
      const { feature, metric, level } = matches[i]!;
      const rules = this.#open[level] ?? DENY_ALL;
      if (feature === 'transcript') {
        if (rules.transcript) continue;
        this.#withheld |= TRANSCRIPT;
        action = CLEAR;
      } else if (rules.metrics !== null) {
        if (metric !== null && rules.metrics.has(metric)) continue;
        this.#withheld |= METRICS;
        if (metric !== null) action = CLEAR;
        else if (action === null) action = rules.metrics;
        else if (action !== CLEAR)
          action = new Set([...(action as ReadonlySet<string>)].filter((name) => rules.metrics!.has(name)));
      }
    }
    return action;
  }

  /** The features whose fields have been removed so far. */
  get withheld(): readonly Withheld[] {
    return NAMES[this.#withheld]!;
  }
}
