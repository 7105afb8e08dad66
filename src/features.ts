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

/** The policy for one request: the project that its route names, and what the projects of its workspace enable. */
export interface RoutePolicy {
  /** The agent (= project) that the route declared to `requireApiKey`. */
  readonly routeProject: string | undefined;
  /** Features of a project in the request's workspace. Nothing for `undefined` and unknown projects. */
  featuresFor(projectId: string | undefined): Features;
  /**
   * Whether the configurations have to be read again, for example because that of another project was changed, while those that
   * were known at an earlier call still hold. Begins to read them.
   */
  isReadAgain?(): boolean;
  /** Keeps the policy up to date without I/O on the request path, until the returned function is called. */
  keepFresh?(): () => void;
}
