import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyState, ProjectState, Route, Step, Time } from '../checker/history';
import { METRICS } from './app';
import { now } from './clock';
import type { Order, Outcome } from './commands';
import type { Load } from './load';
import type { Random } from './random';
import { isAlive, isSame, stateOf, type TrackedKey, type TrackedProject, type World } from './world';

/** Who carries out orders: one of the processes, or the harness itself over a connection that nothing befalls. */
export type Carrier = (order: Order) => Promise<Outcome>;

export interface MutatorOptions {
  readonly world: World;
  readonly load: Load;
  readonly random: Random;
  /** Its own connection; what it reads is true. */
  readonly direct: Carrier;
  readonly processes: readonly Carrier[];
  readonly maxRevocationLag: number;
  /** A replaced server may answer for a moment: a new key is not known everywhere at once. */
  readonly failsOver: boolean;
  /** Acknowledged changes may be undone, because nobody asked for more. */
  readonly mayLose: boolean;
}

/** What was done, for whoever reads the summary. */
export interface Deeds {
  acknowledged: number;
  inDoubt: number;
  /** Acknowledged, and gone. */
  readonly lost: string[];
}

/** Changes made at once, each of another key or project. */
const WORKERS = 3;
const PAUSE = { from: 80, to: 320 };
/** How long a key is asked for everywhere before it is changed, so that every process remembers it. */
const WARM_UP = { from: 150, to: 400 };
/** How long a new key is asked for everywhere. */
const FIRST_LOOK = 400;
const LIVE_KEYS = 24;
const PERMISSION_SETS: readonly (readonly Route[])[] = [['read', 'write'], ['read'], ['write']];
const OVERLAPS = [0, 0, 400, 1500];

/** Answers that leave no doubt: it was not done. */
const REFUSALS = new Set(['conflict', 'key_not_found']);

/**
 * Creates, edits, disables, rotates and deletes keys, and configures projects, at random, and keeps book of what may have
 * come of it. Every change of a key insists on the revision that it was last seen at. So of several changes that are in
 * doubt at most one can have been made, and once a later one is acknowledged, none of them can be any more.
 */
export class Mutator {
  readonly deeds: Deeds = { acknowledged: 0, inDoubt: 0, lost: [] };
  readonly #options: MutatorOptions;
  #running: Promise<unknown> | null = null;
  #stopping = false;

  constructor(options: MutatorOptions) {
    this.#options = options;
  }

  /** Makes what there is to begin with. */
  async populate(): Promise<void> {
    const { world } = this.#options;
    await Promise.all(
      world.workspaces.map(async (workspace) => {
        const witness = await this.create(workspace, ['read', 'write']);
        if (witness === null) throw new Error('The first keys could not be made.');
        world.makeWitness(witness);
        for (const id of ['a', 'b']) world.addProject(`${id}-${world.newName()}`, workspace);
      }),
    );
    await Promise.all(Array.from({ length: LIVE_KEYS }, () => this.create()));
  }

  start(): void {
    this.#stopping = false;
    this.#running ??= Promise.all(Array.from({ length: WORKERS }, () => this.#work()));
  }

  /** Resolves when nothing is under way any more. */
  async pause(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    this.#running = null;
  }

  async create(
    workspace = this.#options.random.pick(this.#options.world.workspaces),
    permissions = this.#options.random.pick(PERMISSION_SETS),
  ): Promise<TrackedKey | null> {
    const { world, load, failsOver, mayLose } = this.#options;
    const asked = now();
    const outcome = await this.#carrier()({ op: 'create', workspace, name: world.newName(), permissions });
    const known = this.#count(outcome);
    if (!outcome.ok) return null;
    const key = world.addKey(outcome.key!, outcome.token!, workspace, asked, known, !failsOver && !mayLose);
    load.focus(key, known + FIRST_LOOK);
    return key;
  }

  /**
   * Reads what has become of every key, and takes that for the truth. Of projects, nobody can say for certain; others take
   * their place. Nothing may be under way.
   */
  async reconcile(asked: Time): Promise<void> {
    const { world } = this.#options;
    for (const key of world.keys.values()) await this.#look(key, asked);
    for (const project of [...world.projects]) this.#replaceProject(project);
  }

  /** Makes new witnesses where the old ones are gone. */
  async replaceWitnesses(): Promise<void> {
    const { world } = this.#options;
    for (const workspace of world.workspaces) {
      if (world.witnesses.some((key) => key.workspace === workspace)) continue;
      const key = await this.create(workspace, ['read', 'write']);
      if (key !== null) world.makeWitness(key);
    }
  }

  async #work(): Promise<void> {
    const { random } = this.#options;
    while (!this.#stopping) {
      await sleep(random.between(PAUSE.from, PAUSE.to));
      if (this.#stopping) return;
      if (random.chance(0.15)) await this.#configure();
      else if (this.#options.world.live.length < LIVE_KEYS) await this.create();
      else await this.#changeSome();
    }
  }

  async #changeSome(): Promise<void> {
    const { world, load, random, maxRevocationLag } = this.#options;
    const candidates = world.live.filter(({ busy }) => !busy);
    if (candidates.length === 0) return;
    const key = random.pick(candidates);
    key.busy = true;
    try {
      const warm = random.between(WARM_UP.from, WARM_UP.to);
      load.focus(key, now() + warm + 2 * maxRevocationLag);
      await sleep(warm);
      if (this.#stopping) return;
      await this.#change(key);
      load.focus(key, now() + 1.6 * maxRevocationLag);
    } finally {
      key.busy = false;
    }
  }

  async #change(key: TrackedKey): Promise<void> {
    const { world, random } = this.#options;
    if (!isAlive(key.certain)) {
      world.bury(key);
      return;
    }
    const choice = random();
    if (choice < 0.2) await this.#delete(key);
    else if (choice < 0.35) await this.#rotate(key);
    else await this.#update(key);
  }

  async #update(key: TrackedKey): Promise<void> {
    const { world, random } = this.#options;
    const { disabled, permissions, expires } = key.certain!;
    const toggles = random.chance(0.45);
    const next = {
      name: world.newName(),
      permissions: toggles ? permissions : random.pick(PERMISSION_SETS),
      disabled: toggles ? !disabled : disabled,
    };
    const { id, revision } = key;
    await this.#attempt(key, { op: 'update', id, revision, ...next }, { ...next, expires });
  }

  async #delete(key: TrackedKey): Promise<void> {
    const { id, revision } = key;
    const outcome = await this.#attempt(key, { op: 'delete', id, revision }, null);
    if (outcome.ok) this.#options.world.bury(key);
  }

  async #rotate(key: TrackedKey): Promise<void> {
    const { world, random, load, failsOver, mayLose, maxRevocationLag } = this.#options;
    const overlap = random.pick(OVERLAPS);
    const asked = now();
    const { id, revision } = key;
    const before = key.certain!;
    const { to } = before.expires;
    const outcome = await this.#attempt(
      key,
      { op: 'rotate', id, revision, overlap },
      { ...before, expires: { from: Math.min(asked + overlap, to), to } },
    );
    if (!outcome.ok) return;
    const known = key.course.at(-1)!.known!;
    const successor = world.addKey(outcome.key!, outcome.token!, key.workspace, asked, known, !failsOver && !mayLose);
    load.focus(successor, known + FIRST_LOOK);
    // From when on the old one is expired follows from when the new one was made.
    const made = outcome.key!.createdAt;
    const end = stateOf({ ...outcome.key!, expiresAt: made + overlap }).expires;
    const expires = end.to < to ? end : before.expires;
    const state = { ...before, expires };
    key.course[key.course.length - 1] = { state, asked, known };
    key.certain = state;
    load.focus(key, now() + overlap + 1.6 * maxRevocationLag);
  }

  /** Gives an order to change a key, and writes down what came of it. */
  async #attempt(key: TrackedKey, order: Order, state: KeyState): Promise<Outcome> {
    const step: Step<KeyState> = { state, asked: now(), known: null };
    // Before the answer: the change may be noticed earlier than its acknowledgement.
    key.course.push(step);
    key.doubts.push(step);
    const outcome = await this.#carrier()(order);
    const known = this.#count(outcome);
    if (outcome.ok) this.#settle(key, step, known, key.revision + 1);
    else if (REFUSALS.has(outcome.code)) await this.#look(key, step.asked, step);
    return outcome;
  }

  /** One step is known to have been made, and with that all others that were in doubt are known not to have been. */
  #settle(key: TrackedKey, step: Step<KeyState>, known: Time, revision: number): void {
    key.course.splice(key.course.indexOf(step), 1);
    key.course.push({ ...step, known });
    key.certain = step.state;
    key.doubts = [];
    key.revision = revision;
  }

  /** Reads what the key has come to be. `refused`: the step that has just been refused. */
  async #look(key: TrackedKey, asked: Time, refused?: Step<KeyState>): Promise<void> {
    const { direct, world, mayLose } = this.#options;
    const outcome = await direct({ op: 'get', id: key.id });
    if (!outcome.ok && outcome.code !== 'key_not_found') return;
    const seen = outcome.ok ? outcome.key : null;
    const step = key.doubts.find(({ state }) => isSame(state, seen));
    if (isSame(key.certain, seen)) {
      key.revision = seen?.revision ?? 0;
      if (refused !== undefined) this.#forget(key, refused);
    } else if (step !== undefined) {
      const replaced = { ...step, state: seen === null ? null : stateOf(seen) };
      key.course[key.course.indexOf(step)] = replaced;
      this.#settle(key, replaced, now(), seen?.revision ?? 0);
    } else {
      const was = key.certain === null ? 'deleted' : key.certain.name;
      if (!mayLose) this.deeds.lost.push(`${key.id} was ${was}, and is ${seen === null ? 'not there' : seen.name}`);
      const found: Step<KeyState> = { state: seen === null ? null : stateOf(seen), asked, known: null };
      key.course.push(found);
      this.#settle(key, found, now(), seen?.revision ?? 0);
    }
    if (key.certain === null) world.bury(key);
  }

  /** The step was not made, and will not be. */
  #forget(key: TrackedKey, step: Step<KeyState>): void {
    key.course.splice(key.course.indexOf(step), 1);
    key.doubts.splice(key.doubts.indexOf(step), 1);
  }

  async #configure(): Promise<void> {
    const { world, random } = this.#options;
    const candidates = world.projects.filter(({ busy }) => !busy);
    if (candidates.length === 0) return;
    const project = random.pick(candidates);
    project.busy = true;
    try {
      await this.#configureOne(project);
    } finally {
      project.busy = false;
    }
  }

  async #configureOne(project: TrackedProject): Promise<void> {
    const { random } = this.#options;
    const { id, workspace } = project;
    const state: ProjectState = random.chance(0.2)
      ? null
      : { transcript: random.chance(0.5), metric: random.pick(METRICS) };
    const step: Step<ProjectState> = { state, asked: now(), known: null };
    project.course.push(step);
    const outcome = await this.#carrier()(
      state === null ? { op: 'clear', workspace, project: id } : { op: 'configure', workspace, project: id, ...state },
    );
    const known = this.#count(outcome);
    if (outcome.ok) {
      project.course[project.course.length - 1] = { ...step, known };
      return;
    }
    // There is no revision to insist on, so it might be made much later.
    this.#replaceProject(project);
  }

  #replaceProject(project: TrackedProject): void {
    const { world } = this.#options;
    world.forgetProject(project);
    world.addProject(`c-${world.newName()}`, project.workspace);
  }

  #carrier(): Carrier {
    const { random, direct, processes } = this.#options;
    return random.chance(0.5) ? direct : random.pick(processes);
  }

  /** When the outcome was heard. */
  #count(outcome: Outcome): Time {
    if (outcome.ok) this.deeds.acknowledged += 1;
    else if (!REFUSALS.has(outcome.code)) this.deeds.inDoubt += 1;
    return now();
  }
}
