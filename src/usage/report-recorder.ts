import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock';
import type { KeyscopeError } from '../errors';
import type { ReportedEvent } from '../events';
import { DEFAULT_WORKSPACE } from '../field-schemas';
import { OTHER_REPORTS, type ReportBatch, type ReportStore } from '../store/report-store';
import { dayOf, usageField } from '../store/usage-store';
import { subjectOf } from './report-subject';

/** Counts that can wait to be stored. Reports of further kinds are counted together. */
const MAX_WAITING = 5000;
/** Counts in one batch. */
const MAX_BATCH = 500;

export interface ReportRecorderOptions {
  readonly store: ReportStore;
  readonly clock: Clock;
  /** Milliseconds between a count and its flush. */
  readonly interval: number;
  /** Called once for each outage of the store. */
  readonly report: (error: KeyscopeError) => void;
}

/**
 * Counts what `mode: 'report'` reports, and stores the counts every few seconds. A batch never changes, and is resent until
 * the store has added it, so each report is counted once.
 */
export class ReportRecorder {
  readonly #options: ReportRecorderOptions;
  readonly #source = randomBytes(9).toString('base64url');
  /** Counts by workspace, then by day and subject. */
  readonly #waiting = new Map<string, Map<string, number>>();
  #waitingCounts = 0;
  #sent: ReportBatch | null = null;
  #number = 0;
  #timer: NodeJS.Timeout | undefined;
  #flush: Promise<void> | null = null;
  #isFailing = false;
  #isClosed = false;

  constructor(options: ReportRecorderOptions) {
    this.#options = options;
  }

  /** No I/O. */
  count(event: ReportedEvent): void {
    if (this.#isClosed) return;
    const day = dayOf(this.#options.clock.wall());
    this.#add(event.workspaceId ?? DEFAULT_WORKSPACE, usageField(day, subjectOf(event)), day);
    this.#schedule();
  }

  /** Stores all counts. Never rejects: counts that could not be stored are retried. */
  flush(): Promise<void> {
    this.#flush ??= this.#store().finally(() => {
      this.#flush = null;
    });
    return this.#flush;
  }

  /** Whether all counts are stored. */
  get isIdle(): boolean {
    return this.#flush === null && this.#sent === null && this.#waitingCounts === 0;
  }

  /** Stores all counts, and ignores further ones. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#flush;
    if (!this.isIdle) await this.flush();
    clearTimeout(this.#timer);
  }

  #add(workspaceId: string, field: string, day: string): void {
    const isFull = this.#waitingCounts >= MAX_WAITING;
    // A workspace is stated by a stored key, so their number is bounded by those.
    const counts = this.#waiting.get(workspaceId) ?? new Map<string, number>();
    this.#waiting.set(workspaceId, counts);
    const known = isFull && !counts.has(field) ? usageField(day, OTHER_REPORTS) : field;
    if (!counts.has(known)) this.#waitingCounts += 1;
    counts.set(known, (counts.get(known) ?? 0) + 1);
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, this.#options.interval);
    this.#timer.unref();
  }

  async #store(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      for (let batch = this.#nextBatch(); batch !== null; batch = this.#nextBatch()) {
        this.#sent = batch;
        await this.#options.store.addReports(batch);
        this.#sent = null;
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#options.report(error as KeyscopeError);
      this.#isFailing = true;
      if (!this.#isClosed) this.#schedule();
    }
  }

  /** The batch that was not acknowledged, or the next one. */
  #nextBatch(): ReportBatch | null {
    if (this.#sent !== null) return this.#sent;
    const [workspaceId, waiting] = this.#waiting.entries().next().value ?? [];
    if (workspaceId === undefined || waiting === undefined) return null;
    const counts = new Map<string, number>();
    for (const [field, count] of waiting) {
      if (counts.size === MAX_BATCH) break;
      counts.set(field, count);
      waiting.delete(field);
    }
    if (waiting.size === 0) this.#waiting.delete(workspaceId);
    this.#waitingCounts -= counts.size;
    this.#number += 1;
    return { workspaceId, source: this.#source, number: this.#number, counts };
  }
}
