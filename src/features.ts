/** Names of the features that a project enables. */
export const FEATURE_NAMES = ['transcript', 'metrics'] as const;

/** Features that a project has enabled in API responses. */
export interface Features {
  /** Whether responses can contain transcripts. */
  readonly transcript: boolean;
  /** Names of the metrics that responses can contain. `'all'` includes names that do not exist yet. */
  readonly metrics: 'all' | readonly string[];
}

/** Features of a project without configuration, and of every project whose configuration is unknown. */
export const NOTHING_ENABLED: Features = Object.freeze({ transcript: false, metrics: Object.freeze([]) });

/** Features of a project by the configurations of its workspace; nothing without a configuration, or if they are unknown. */
export function featuresIn(
  configurations: ReadonlyMap<string, Features> | null | undefined,
  projectId: string,
): Features {
  return configurations?.get(projectId) ?? NOTHING_ENABLED;
}

/** The policy for one request: the project that its route names, and what the projects of its workspace enable. */
export interface RoutePolicy {
  /** The agent (= project) that the route declared to `requireApiKey`. */
  readonly routeProject: string | undefined;
  /** Features of a project in the request's workspace. Nothing for `undefined` and unknown projects. */
  featuresFor(projectId: string | undefined): Features;
  /**
   * Keeps the configurations in the cache while a response is open, and ends it when they become stricter. Returns false if they are
   * not known at the moment: it is not watched then.
   */
  watch?(response: ConfiguredResponse): boolean;
}

/** Features of a project; nothing for `undefined` and unknown projects. */
export type FeaturesFor = (projectId: string | undefined) => Features;

/** Why an open response ends when the configuration of its project becomes stricter. */
export const STRICTER_MESSAGE = 'The configuration of the project changed while the response was sent.';

/** An open response whose body depends on the configurations of its workspace. */
export interface ConfiguredResponse {
  /** Whether it has been sent, or destroyed. */
  hasClosed(): boolean;
  /** Whether a part of it must not be sent any more by these features. */
  isOutdated(featuresFor: FeaturesFor): boolean;
  /** Ends it, because it is outdated. */
  cut(): void;
}
