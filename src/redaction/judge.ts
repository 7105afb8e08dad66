import type { Claim, Fields } from './fields';
import { DENY_ALL, featuresOf, type Rules, rulesFor, type Subject, type Withheld } from './subject';

/** The value must be emptied. */
export const EMPTY = Symbol('empty');

/** What happens to a claimed value: it stays (`null`), is emptied, or is an object of which only these names stay. */
export type Verdict = null | typeof EMPTY | ReadonlySet<string>;

const TRANSCRIPT = 1;
const METRICS = 2;
/** Projects remembered in one body. There may be any number, in a body without end. */
const MAX_KNOWN = 1000;
const NAMES: readonly (readonly Withheld[])[] = [[], ['transcript'], ['metrics'], ['transcript', 'metrics']];

function both(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...a].filter((name) => b.has(name)));
}

/** Applies a subject's rules to the claims met in one body. */
export class Judge {
  #subject: Subject;
  /** By project, so that a body of a thousand conversations asks once. */
  #known: Map<string, Rules> | undefined;
  readonly #open: (Rules | undefined)[];
  #withheld = 0;

  constructor(fields: Fields, subject: Subject) {
    this.#subject = subject;
    this.#open = new Array(fields.levels);
    this.begin(subject);
  }

  /** Another body begins, perhaps of others, or of the same with something else enabled. */
  begin(subject: Subject): void {
    this.#subject = subject;
    this.#known = undefined;
    const features = featuresOf(subject);
    this.#open.fill(features && rulesFor(features));
  }

  /** A conversation begins of which nobody knows yet whose it is. */
  forget(level: number): void {
    this.#open[level] = undefined;
  }

  /** Says whose the conversation open at `level` is; `undefined`: nobody's. */
  settle(level: number, projectId: string | undefined): void {
    this.#open[level] = projectId === undefined ? DENY_ALL : this.#rules(projectId);
  }

  #rules(projectId: string): Rules {
    this.#known ??= new Map();
    const known = this.#known.get(projectId);
    if (known !== undefined) return known;
    const subject = this.#subject;
    const rules = 'featuresFor' in subject ? rulesFor(subject.featuresFor(projectId)) : DENY_ALL;
    if (this.#known.size === MAX_KNOWN) this.#known.clear();
    this.#known.set(projectId, rules);
    return rules;
  }

  /** A level of which it is not yet known whose these claims are; -1: all are known. */
  unknown(claims: readonly Claim[]): number {
    for (const { level } of claims) {
      if (this.#open[level] === undefined) return level;
    }
    return -1;
  }

  /** Every claim must allow what leaves. */
  verdict(claims: readonly Claim[]): Verdict {
    let verdict: Verdict = null;
    for (let i = 0; i < claims.length; i++) {
      const { feature, metric, level } = claims[i]!;
      const rules = this.#open[level] ?? DENY_ALL;
      if (feature === 'transcript') {
        if (rules.transcript) continue;
        this.#withheld |= TRANSCRIPT;
        verdict = EMPTY;
      } else if (rules.metrics !== null) {
        if (metric !== null && rules.metrics.has(metric)) continue;
        this.#withheld |= METRICS;
        if (metric !== null) verdict = EMPTY;
        else if (verdict === null) verdict = rules.metrics;
        else if (verdict !== EMPTY) verdict = both(verdict, rules.metrics);
      }
    }
    return verdict;
  }

  /** The features of which something was withheld so far. */
  get withheld(): readonly Withheld[] {
    return NAMES[this.#withheld]!;
  }
}
