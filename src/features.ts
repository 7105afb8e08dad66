/** What a project lets out in API responses. */
export interface Features {
  /** Whether transcripts may leave. */
  readonly transcript: boolean;
  /** Which metrics may leave, by name; `'all'` includes names that do not exist yet. */
  readonly metrics: 'all' | readonly string[];
}

/** What a project without a configuration has enabled, and what doubt falls back to. */
export const NOTHING_ENABLED: Features = Object.freeze({ transcript: false, metrics: Object.freeze([]) });
