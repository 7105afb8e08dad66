import type { KeyState, Step, Time } from '../checker/history';
import { now } from './clock';
import type { CommandRunner, KeyView } from './commands';
import { isSame, type Model, stateOf, type TrackedKey } from './model';

interface KeyChangesOptions {
  readonly model: Model;
  readonly direct: CommandRunner;
  readonly mayLose: boolean;
  /** Data that no replica confirmed can be lost. */
  readonly failsOver: boolean;
}

/**
 * Records the changes of keys with their possible outcomes. Of several changes with unknown outcome at most one can be
 * applied, and none of them once a later change is acknowledged.
 */
export class KeyChanges {
  /** Changes that were acknowledged and lost. */
  readonly lost: string[] = [];
  readonly #model: Model;
  readonly #direct: CommandRunner;
  readonly #mayLose: boolean;
  readonly #failsOver: boolean;

  constructor({ model, direct, mayLose, failsOver }: KeyChangesOptions) {
    this.#model = model;
    this.#direct = direct;
    this.#mayLose = mayLose;
    this.#failsOver = failsOver;
  }

  /** Records a change that is sent now and can be applied from now on. */
  begin(key: TrackedKey, state: KeyState): Step<KeyState> {
    const step: Step<KeyState> = { state, sentAt: now(), knownAt: null };
    key.timeline.push(step);
    key.undecided.push(step);
    return step;
  }

  /** Records that one step was applied, and therefore no other step with unknown outcome. */
  acknowledge(key: TrackedKey, step: Step<KeyState>, knownAt: Time, revision: number): void {
    key.timeline.splice(key.timeline.indexOf(step), 1);
    key.timeline.push({ ...step, knownAt });
    key.lastKnown = step.state;
    key.undecided = [];
    key.revision = revision;
  }

  /** Reads the state of a key. `rejected`: the step that was just rejected. */
  async readState(key: TrackedKey, sentAt: Time, rejected?: Step<KeyState>): Promise<void> {
    const outcome = await this.#direct({ op: 'get', id: key.id });
    if (!outcome.ok && outcome.code !== 'key_not_found') return;
    const seen = outcome.ok ? outcome.key : null;
    const step = key.undecided.find(({ state }) => isSame(state, seen));
    if (isSame(key.lastKnown, seen)) {
      key.revision = seen?.revision ?? 0;
      if (rejected !== undefined) this.#drop(key, rejected);
    } else if (step !== undefined && this.#failsOver && !this.#mayLose) {
      this.#see(key, step, seen);
      if (rejected !== undefined && rejected !== step) this.#drop(key, rejected);
    } else if (step !== undefined) {
      const replaced = { ...step, state: seen === null ? null : stateOf(seen) };
      key.timeline[key.timeline.indexOf(step)] = replaced;
      this.acknowledge(key, replaced, now(), seen?.revision ?? 0);
    } else {
      const was = key.lastKnown === null ? 'deleted' : key.lastKnown.name;
      if (!this.#mayLose) this.lost.push(`${key.id} was ${was}, and is ${seen === null ? 'not there' : seen.name}`);
      const found: Step<KeyState> = { state: seen === null ? null : stateOf(seen), sentAt, knownAt: null };
      key.timeline.push(found);
      this.acknowledge(key, found, now(), seen?.revision ?? 0);
    }
    if (key.lastKnown === null) this.#model.retire(key);
  }

  /**
   * A change was read that was not acknowledged, because no replica confirmed it. A failover can undo it, so that the state
   * before it counts again. The next change that is acknowledged decides.
   */
  #see(key: TrackedKey, step: Step<KeyState>, seen: KeyView | null): void {
    const before = key.timeline.findLast(({ knownAt }) => knownAt !== null);
    if (before !== undefined && !key.undecided.includes(before)) key.undecided.push(before);
    const state = seen === null ? null : stateOf(seen);
    const replaced = { ...step, state };
    key.timeline[key.timeline.indexOf(step)] = replaced;
    key.undecided[key.undecided.indexOf(step)] = replaced;
    key.lastKnown = state;
    key.revision = seen?.revision ?? 0;
  }

  /** The step was not applied and will not be. */
  #drop(key: TrackedKey, step: Step<KeyState>): void {
    key.timeline.splice(key.timeline.indexOf(step), 1);
    key.undecided.splice(key.undecided.indexOf(step), 1);
  }
}
