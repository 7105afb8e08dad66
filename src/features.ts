/** Features that a project has enabled in API responses. */
export interface Features {
  /** Whether responses can contain transcripts. */
  readonly transcript: boolean;
  /** Names of the metrics that responses can contain. `'all'` includes names that do not exist yet. */
  readonly metrics: 'all' | readonly string[];
}

/** Features of a project without configuration, and of every project whose configuration is unknown. */
export const NOTHING_ENABLED: Features = Object.freeze({ transcript: false, metrics: Object.freeze([]) });
