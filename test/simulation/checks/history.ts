/** State of a key after a change. `isGone`: it was deleted or rotated. */
export interface KeyState {
  readonly isGone: boolean;
  readonly isDisabled: boolean;
  readonly permissions: readonly string[];
}

export const GONE: KeyState = { isGone: true, isDisabled: false, permissions: [] };

/** `acknowledged`: its caller knows that it was made. `refused`: that it was not. `unknown`: neither. */
export type Outcome = 'pending' | 'acknowledged' | 'refused' | 'unknown';

/** One change of one subject: a key, or a project's configuration. */
export interface Change<State> {
  /** Grows with each change of the subject. */
  readonly version: number;
  /**
   * Its place in the order in which changes were applied: its version, unless data were replaced while it was under way. It
   * is then applied after a higher version.
   */
  rank: number;
  /** Shown by a request that is accepted by this state; null if a state looks like others. */
  readonly label: string | null;
  readonly state: State;
  readonly process: number;
  readonly askedAt: number;
  endedAt: number;
  outcome: Outcome;
  /** The data on the master showed it at some time. */
  wasApplied: boolean;
  /** Another change may have stored the same. */
  isAmbiguous: boolean;
  /** When a failover or a restart undid it. */
  lostAt: number | null;
}

/** All changes of one subject, in the order in which they were asked for. Each begins after the one before has ended. */
export class Subject<State> {
  readonly changes: Change<State>[] = [];
  /** The version that the master's data showed last. */
  applied = -1;
  /** When they showed it first. */
  storedAt = 0;

  constructor(readonly name: string) {}

  get latest(): Change<State> | undefined {
    return this.changes.at(-1);
  }

  begin(state: State, label: string | null, process: number, now: number): Change<State> {
    const change: Change<State> = {
      ...{ version: this.changes.length, rank: this.changes.length, label, state, process },
      ...{
        askedAt: now,
        endedAt: Number.POSITIVE_INFINITY,
        outcome: 'pending',
        wasApplied: false,
        isAmbiguous: false,
        lostAt: null,
      },
    };
    this.changes.push(change);
    return change;
  }

  /** Something other than a caller of the package has set the state: a failover, FLUSHALL, a restart. */
  force(state: State, label: string | null, now: number): Change<State> {
    const change = this.begin(state, label, -1, now);
    change.outcome = 'acknowledged';
    change.endedAt = now;
    this.apply(change);
    this.storedAt = now;
    return change;
  }

  /**
   * Whether a decision at `now` by the state of a change is in order: no later change was acknowledged longer ago than
   * `allowance`. Returns the later change that it should have known.
   */
  supersededBy(change: Change<State>, now: number, allowance: number): Change<State> | null {
    const known = this.after(change.rank).find(
      ({ outcome, lostAt, endedAt }) => outcome === 'acknowledged' && lostAt === null && now > endedAt + allowance,
    );
    return known ?? null;
  }

  /** The changes with a higher rank. */
  after(rank: number): Change<State>[] {
    return this.changes.filter((change) => change.rank > rank);
  }

  /** The changes that the data showed before this one, although they come after it. */
  overtaken({ rank }: Change<State>): Change<State>[] {
    const last = this.changes[this.applied]?.rank ?? -1;
    return this.after(rank).filter((change) => change.rank <= last);
  }

  /** The data show a change. */
  apply(change: Change<State>): void {
    const last = this.changes[this.applied]?.rank ?? -1;
    // Before the next version.
    if (change.rank < last) change.rank = (last + this.changes.length) / 2;
    change.wasApplied = true;
    this.applied = change.version;
  }

  /** The latest change with a label. */
  find(label: string): Change<State> | undefined {
    return this.changes.findLast((change) => change.label === label);
  }

  /**
   * The changes that may have stored a label just now: those with an open outcome, else the one that the data showed last,
   * if it looks the same, else the latest.
   */
  candidates(label: string): Change<State>[] {
    const open = this.changes.filter(
      (change) => change.label === label && !change.wasApplied && /pending|unknown/.test(change.outcome),
    );
    if (open.length > 0) return open;
    const applied = this.changes[this.applied];
    const latest = applied?.label === label ? applied : this.find(label);
    return latest === undefined ? [] : [latest];
  }
}

export interface Violation {
  readonly rule:
    | 'accepted too late'
    | 'accepted what was never stored'
    | 'accepted without permission'
    | 'sent too late'
    | 'applied too late'
    | 'applied after its deadline'
    | 'never decided'
    | 'acknowledged and lost'
    | 'resurrected'
    | 'acknowledged but not stored'
    | 'refused but stored'
    | 'waited too long'
    | 'not back in service'
    | 'wrong after faults'
    | 'crashed';
  readonly at: number;
  readonly detail: string;
}
