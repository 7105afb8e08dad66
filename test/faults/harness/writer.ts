import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyState, ProjectState, Route, Step, Time } from '../checker/history';
import { METRICS } from './app';
import { now } from './clock';
import type { Command, CommandRunner, Outcome } from './commands';
import { KeyChanges } from './key-changes';
import type { Load } from './load';
import { isAlive, type Model, stateOf, type TrackedKey, type TrackedProject } from './model';
import type { Random } from './random';

export interface WriterOptions {
  readonly model: Model;
  readonly load: Load;
  readonly random: Random;
  /** The unaffected connection. It reads the true state. */
  readonly direct: CommandRunner;
  readonly processes: readonly CommandRunner[];
  readonly maxRevocationLag: number;
  /** A replaced server may respond for a moment: a new key is not found everywhere at once. */
  readonly failsOver: boolean;
  /** Acknowledged changes may be lost, because `durability` is not set. */
  readonly mayLose: boolean;
}

/** Counts of changes for the summary. */
export interface ChangeCounts {
  acknowledged: number;
  inDoubt: number;
  /** Changes that were acknowledged and lost. */
  readonly lost: readonly string[];
}

/** Concurrent changes, each of a different key or project. */
const WORKERS = 3;
const PAUSE = { from: 80, to: 320 };
/** How long a key is requested everywhere before a change, so that every process caches it. Milliseconds. */
const WARM_UP = { from: 150, to: 400 };
/** How long a new key is requested everywhere. Milliseconds. */
const FIRST_LOOK = 400;
const LIVE_KEYS = 24;
const PERMISSION_SETS: readonly (readonly Route[])[] = [['read', 'write'], ['read'], ['write']];
/** How often the first key of a workspace is created, if processes that have just begun answer too late. */
const ATTEMPTS = 10;
const OVERLAPS = [0, 0, 400, 1500];

/** Codes that prove that a change was not applied. */
const REJECTIONS = new Set(['conflict', 'key_not_found']);

/**
 * Creates, edits, disables, rotates and deletes keys, and configures projects, at random, and records the possible
 * outcomes. Every change of a key carries its last known revision.
 */
export class Writer {
  readonly changeCounts: ChangeCounts;
  readonly #options: WriterOptions;
  readonly #changes: KeyChanges;
  #running: Promise<unknown> | null = null;
  #stopping = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#changes = new KeyChanges(options);
    this.changeCounts = { acknowledged: 0, inDoubt: 0, lost: this.#changes.lost };
  }

  /** Creates the first keys and projects. */
  async populate(): Promise<void> {
    const { model } = this.#options;
    await Promise.all(
      model.workspaces.map(async (workspace) => {
        let witness: TrackedKey | null = null;
        for (let i = 0; i < ATTEMPTS && witness === null; i++)
          witness = await this.create(workspace, ['read', 'write']);
        if (witness === null) throw new Error('The first keys could not be created.');
        model.makeWitness(witness);
        for (const id of ['a', 'b']) model.addProject(`${id}-${model.newName()}`, workspace);
      }),
    );
    await Promise.all(Array.from({ length: LIVE_KEYS }, () => this.create()));
  }

  start(): void {
    this.#stopping = false;
    this.#running ??= Promise.all(Array.from({ length: WORKERS }, () => this.#work()));
  }

  /** Stops, and resolves when no change is in progress. */
  async pause(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    this.#running = null;
  }

  async create(
    workspace = this.#options.random.pick(this.#options.model.workspaces),
    permissions = this.#options.random.pick(PERMISSION_SETS),
  ): Promise<TrackedKey | null> {
    const { model, load, failsOver, mayLose } = this.#options;
    const sentAt = now();
    const outcome = await this.#pickRunner()({ op: 'create', workspace, name: model.newName(), permissions });
    const knownAt = this.#count(outcome);
    if (!outcome.ok) return null;
    const key = model.addKey(outcome.key!, outcome.token!, workspace, sentAt, knownAt, !failsOver && !mayLose);
    load.focus(key, knownAt + FIRST_LOOK);
    return key;
  }

  /**
   * Reads the state of every key and takes it as true. Configurations cannot be read with certainty, so new projects take
   * the place of the old. No change may be in progress.
   */
  async reconcile(sentAt: Time): Promise<void> {
    const { model } = this.#options;
    for (const key of model.keys.values()) await this.#changes.readState(key, sentAt);
    for (const project of [...model.projects]) this.#replaceProject(project);
  }

  /** Creates new witnesses if the old ones were deleted. */
  async replaceWitnesses(): Promise<void> {
    const { model } = this.#options;
    for (const workspace of model.workspaces) {
      if (model.witnesses.some((key) => key.workspace === workspace)) continue;
      const key = await this.create(workspace, ['read', 'write']);
      if (key !== null) model.makeWitness(key);
    }
  }

  async #work(): Promise<void> {
    const { random } = this.#options;
    while (!this.#stopping) {
      await sleep(random.between(PAUSE.from, PAUSE.to));
      if (this.#stopping) return;
      if (random.chance(0.15)) await this.#configure();
      else if (this.#options.model.live.length < LIVE_KEYS) await this.create();
      else await this.#changeSome();
    }
  }

  async #changeSome(): Promise<void> {
    const { model, load, random, maxRevocationLag } = this.#options;
    const candidates = model.live.filter(({ busy }) => !busy);
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
    const { model, random } = this.#options;
    if (!isAlive(key.lastKnown)) {
      model.retire(key);
      return;
    }
    const choice = random();
    if (choice < 0.2) await this.#delete(key);
    else if (choice < 0.35) await this.#rotate(key);
    else await this.#update(key);
  }

  async #update(key: TrackedKey): Promise<void> {
    const { model, random } = this.#options;
    const { disabled, permissions, expires } = key.lastKnown!;
    const toggles = random.chance(0.45);
    const next = {
      name: model.newName(),
      permissions: toggles ? permissions : random.pick(PERMISSION_SETS),
      disabled: toggles ? !disabled : disabled,
    };
    const { id, revision } = key;
    await this.#attempt(key, { op: 'update', id, revision, ...next }, { ...next, expires });
  }

  async #delete(key: TrackedKey): Promise<void> {
    const { id, revision } = key;
    const outcome = await this.#attempt(key, { op: 'delete', id, revision }, null);
    if (outcome.ok) this.#options.model.retire(key);
  }

  async #rotate(key: TrackedKey): Promise<void> {
    const { model, random, load, failsOver, mayLose, maxRevocationLag } = this.#options;
    const overlap = random.pick(OVERLAPS);
    const sentAt = now();
    const { id, revision } = key;
    const before = key.lastKnown!;
    const { to } = before.expires;
    const outcome = await this.#attempt(
      key,
      { op: 'rotate', id, revision, overlap },
      { ...before, expires: { from: Math.min(sentAt + overlap, to), to } },
    );
    if (!outcome.ok) return;
    const knownAt = key.timeline.at(-1)!.knownAt!;
    const successor = model.addKey(
      outcome.key!,
      outcome.token!,
      key.workspace,
      sentAt,
      knownAt,
      !failsOver && !mayLose,
    );
    load.focus(successor, knownAt + FIRST_LOOK);
    // The old key expires `overlap` after the new one was created.
    const made = outcome.key!.createdAt;
    const end = stateOf({ ...outcome.key!, expiresAt: made + overlap }).expires;
    const expires = end.to < to ? end : before.expires;
    const state = { ...before, expires };
    key.timeline[key.timeline.length - 1] = { state, sentAt, knownAt };
    key.lastKnown = state;
    load.focus(key, now() + overlap + 1.6 * maxRevocationLag);
  }

  /** Sends a command that changes a key, and records the outcome. */
  async #attempt(key: TrackedKey, command: Command, state: KeyState): Promise<Outcome> {
    // Before the response: the change may be visible before its acknowledgement.
    const step = this.#changes.begin(key, state);
    const outcome = await this.#pickRunner()(command);
    const knownAt = this.#count(outcome);
    if (outcome.ok) this.#changes.acknowledge(key, step, knownAt, key.revision + 1);
    else if (REJECTIONS.has(outcome.code)) await this.#changes.readState(key, step.sentAt, step);
    return outcome;
  }

  async #configure(): Promise<void> {
    const { model, random } = this.#options;
    const candidates = model.projects.filter(({ busy }) => !busy);
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
    const step: Step<ProjectState> = { state, sentAt: now(), knownAt: null };
    project.timeline.push(step);
    const outcome = await this.#pickRunner()(
      state === null ? { op: 'clear', workspace, project: id } : { op: 'configure', workspace, project: id, ...state },
    );
    const knownAt = this.#count(outcome);
    if (outcome.ok) {
      project.timeline[project.timeline.length - 1] = { ...step, knownAt };
      return;
    }
    // A change without a precondition: it may be applied later.
    this.#replaceProject(project);
  }

  #replaceProject(project: TrackedProject): void {
    const { model } = this.#options;
    model.dropProject(project);
    model.addProject(`c-${model.newName()}`, project.workspace);
  }

  #pickRunner(): CommandRunner {
    const { random, direct, processes } = this.#options;
    return random.chance(0.5) ? direct : random.pick(processes);
  }

  /** Counts the outcome. Returns the time at which it arrived. */
  #count(outcome: Outcome): Time {
    if (outcome.ok) this.changeCounts.acknowledged += 1;
    else if (!REJECTIONS.has(outcome.code)) this.changeCounts.inDoubt += 1;
    return now();
  }
}
