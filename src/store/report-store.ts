/** Days, including today, for which counts of reports are kept. */
export const REPORT_DAYS = 14;
/** Counts of one workspace. Reports of further kinds are counted together. */
export const MAX_REPORT_COUNTS = 2000;
/** Subject of reports that are counted together. */
export const OTHER_REPORTS = 'other';

/** Counts of one process for one workspace. The batch is resent with the same number until it is added. */
export interface ReportBatch {
  readonly workspaceId: string;
  /** Unique name of the process. */
  readonly source: string;
  /** Grows with each batch of one process. */
  readonly number: number;
  /** By day and subject: `2030-01-31:<subject>`. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Counts of what `mode: 'report'` has reported. They are separate from the usage of keys. */
export interface ReportStore {
  /**
   * Adds a batch once, however often it arrives, and removes days before the last `REPORT_DAYS`. Rejects with
   * `store_unavailable` if it was not added, or if that is unknown.
   */
  addReports(batch: ReportBatch): Promise<void>;
  /** Stored counts from a day on. Rejects with `store_unavailable`. */
  readReports(workspaceId: string, since: string): Promise<ReadonlyMap<string, number>>;
}
