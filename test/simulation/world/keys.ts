import {
  checkDeadline,
  checkDurability,
  checkStored,
  DELETED,
  ROTATED,
  readStoredKeys,
  readStoredTranscript,
} from '../checks/ground-truth';
import { type Change, GONE, type KeyState, Subject } from '../checks/history';
import type { KeyChange } from '../plans/plan';
import type { RedisServer } from '../redis/server';
import type { AppProcess } from './app-process';
import type { PreparedData } from './prepared-data';
import type { World } from './world';

/** A place for one key at a time. After its deletion another is created. */
export interface KeySlot {
  readonly index: number;
  subject: Subject<KeyState>;
  id: string | null;
  token: string | null;
  /** Changes of one key come one after the other, as one person would make them. */
  queue: Promise<void>;
}

const NEW_KEY: KeyState = { isGone: false, isDisabled: false, permissions: ['read', 'write'] };

/** Errors by which the package says that nothing was changed. */
const NOTHING_CHANGED = /Nothing was changed|refused the change/;

/** Makes changes through the processes, and records their outcomes. */
export class Keys {
  readonly slots: KeySlot[];
  readonly transcript = new Subject<boolean>('transcript');
  /** Is called when the outcome of a change is known. */
  onSettled: (subject: Subject<unknown>, change: Change<unknown>) => void = () => {};
  readonly #world: World;
  readonly #subjects = new Map<string, Subject<KeyState>>();
  readonly #prefix: string;
  #count = 0;
  #projectQueue: Promise<void> = Promise.resolve();

  /**
   * @param prepared - Keys that are stored already.
   * @param prefix - Of the subjects' names. It differs from that of prepared keys, whose successors keep their names.
   */
  constructor(world: World, prepared: PreparedData | null = null, prefix = 's') {
    this.#world = world;
    this.#prefix = prefix;
    this.slots = Array.from({ length: world.plan.keys }, (_, index) => ({
      ...{ index, subject: this.#newSubject(), id: null, token: null },
      queue: Promise.resolve(),
    }));
    this.transcript.force(false, null, 0);
    if (prepared !== null) this.#adopt(prepared);
    for (const server of world.servers) server.onWrite = (on, database, names) => this.#onWrite(on, database, names);
  }

  #adopt({ keys, imported }: PreparedData): void {
    for (const slot of this.slots) {
      const isImported = slot.index === 1 && this.#world.plan.importsTokens;
      const { id, token, label } = isImported ? imported : keys[slot.index]!;
      slot.id = id;
      slot.token = token;
      slot.subject.force(NEW_KEY, label, 0);
      this.#ids.set(slot.subject, id);
    }
    this.transcript.force(true, null, 0);
  }

  change(processIndex: number, keyIndex: number, kind: KeyChange): void {
    const slot = this.slots[keyIndex]!;
    const process = this.#world.processes[processIndex]!;
    slot.queue = this.#after(slot.queue, process, () => this.#change(process, slot, kind));
  }

  configure(processIndex: number, transcript: boolean): void {
    const process = this.#world.processes[processIndex]!;
    this.#projectQueue = this.#after(this.#projectQueue, process, () => this.#configure(process, transcript));
  }

  /** Acts when the changes before have an outcome, which may be known in another process. */
  #after(before: Promise<void>, { loop }: AppProcess, act: () => Promise<void>): Promise<void> {
    const { kernel } = this.#world;
    const run = () => new Promise<void>((resolve) => kernel.after(0, () => loop.input(() => act().then(resolve))));
    return before.then(run);
  }

  /** A failover, a restart or an operator has replaced the data; the new ones count from now on. */
  dataReplaced(server: RedisServer, isFailover = false): void {
    const { kernel } = this.#world;
    const stored = new Map(readStoredKeys(server).map((key) => [key.id, key]));
    for (const subject of this.#subjects.values()) {
      const id = this.#ids.get(subject);
      if (id === undefined) continue;
      const found = stored.get(id);
      const label = found === undefined ? DELETED : found.state.isGone ? ROTATED : found.label;
      this.#restore(subject, found?.state ?? GONE, label, kernel.now);
      if (isFailover && this.#world.plan.durability !== null) checkDurability(this.#world, subject);
    }
    const isEnabled = readStoredTranscript(server);
    const last = this.transcript.changes[this.transcript.applied]!;
    if (last.state !== isEnabled) this.#restore(this.transcript, isEnabled, null, kernel.now);
  }

  readonly #ids = new Map<Subject<KeyState>, string>();

  #restore<State>(subject: Subject<State>, state: State, label: string | null, now: number): void {
    if (label !== null && subject.changes[subject.applied]?.label === label) return;
    const restored = label === null ? undefined : subject.find(label);
    for (const change of subject.after(restored?.rank ?? -1)) {
      if (change.wasApplied) change.lostAt = now;
    }
    subject.force(state, label, now);
    this.#world.log(() => `${subject.name} is ${label ?? String(state)} again`);
  }

  #newSubject(): Subject<KeyState> {
    const subject = new Subject<KeyState>(`${this.#prefix}${this.#count++}`);
    this.#subjects.set(subject.name, subject);
    return subject;
  }

  async #change(process: AppProcess, slot: KeySlot, wanted: KeyChange): Promise<void> {
    const { latest } = slot.subject;
    const mayBeThere = latest !== undefined && slot.subject.changes.some((each) => each.outcome !== 'refused');
    if (mayBeThere && slot.id === null) slot.id = this.#ids.get(slot.subject) ?? null;
    const isOver = !mayBeThere || slot.id === null || this.#isGone(slot.subject);
    if (isOver || wanted === 'create') {
      if (wanted === 'create' && !isOver) await this.#run(process, slot, 'delete');
      // A key whose deletion is not known to have been made stays in its place.
      if (slot.id === null || this.#isGone(slot.subject) || !mayBeThere) await this.#create(process, slot);
      return;
    }
    await this.#run(process, slot, wanted);
  }

  /** It is known that there is no such key any more. */
  #isGone(subject: Subject<KeyState>): boolean {
    const known = subject.changes.findLast(({ outcome, lostAt }) => outcome === 'acknowledged' && lostAt === null);
    return known?.state.isGone === true;
  }

  async #create(process: AppProcess, slot: KeySlot): Promise<void> {
    slot.subject = this.#newSubject();
    slot.id = null;
    slot.token = null;
    const change = this.#begin(process, slot.subject, NEW_KEY);
    const input = { name: change.label!, permissions: ['read', 'write'] as ['read', 'write'], agents: 'all' as const };
    await this.#settle(process, slot.subject, change, async () => {
      const { key, token } = await process.apiKeys.keys.create(input);
      slot.id = key.id;
      slot.token = token;
    });
  }

  async #run(process: AppProcess, slot: KeySlot, kind: KeyChange): Promise<void> {
    const { subject, id } = slot;
    const last = subject.changes.findLast(({ outcome, state }) => outcome !== 'refused' && !state.isGone)!.state;
    const { keys } = process.apiKeys;
    if (kind === 'delete') {
      const change = this.#begin(process, subject, GONE, DELETED);
      await this.#settle(process, subject, change, () => keys.delete(id!));
    } else if (kind === 'rotate') {
      const change = this.#begin(process, subject, GONE, ROTATED);
      await this.#settle(process, subject, change, async () => {
        await keys.rotate(id!, { overlap: 0 });
      });
    } else {
      const state: KeyState = {
        isGone: false,
        isDisabled: kind === 'disable' ? true : kind === 'enable' ? false : last.isDisabled,
        permissions: kind === 'restrict' ? ['read'] : kind === 'widen' ? ['read', 'write'] : last.permissions,
      };
      const change = this.#begin(process, subject, state);
      const permissions = [...state.permissions] as ['read'];
      await this.#settle(process, subject, change, async () => {
        await keys.update(id!, { name: change.label!, disabled: state.isDisabled, permissions });
      });
    }
  }

  #begin(process: AppProcess, subject: Subject<KeyState>, state: KeyState, label?: string): Change<KeyState> {
    const shown = label ?? `${subject.name} v${subject.changes.length}`;
    const change = subject.begin(state, shown, process.index, this.#world.kernel.now);
    this.#world.log(() => `process ${process.index} asks for ${subject.name} ${describe(change)}`);
    return change;
  }

  async #configure(process: AppProcess, transcript: boolean): Promise<void> {
    const change = this.transcript.begin(transcript, null, process.index, this.#world.kernel.now);
    this.#world.log(() => `process ${process.index} asks for transcript ${transcript}`);
    await this.#settle(process, this.transcript, change, async () => {
      await process.apiKeys.projects.set('p', { transcript, metrics: [`m${change.version}`] });
    });
  }

  async #settle<State>(
    process: AppProcess,
    subject: Subject<State>,
    change: Change<State>,
    act: () => Promise<void>,
  ): Promise<void> {
    this.#world.pending += 1;
    this.#world.changeBeganAt = this.#world.kernel.now;
    try {
      await act();
      change.outcome = 'acknowledged';
      if (!change.wasApplied) this.#world.violate('acknowledged but not stored', `${subject.name} ${describe(change)}`);
    } catch (error) {
      const known = process.asPackageError(error);
      if (known === null) {
        change.outcome = 'unknown';
        this.#world.violate('crashed', String((error as Error).stack));
      } else {
        const isUnknown = known.code === 'store_unavailable' && !NOTHING_CHANGED.test(known.message);
        change.outcome = isUnknown ? 'unknown' : 'refused';
        if (!isUnknown && change.wasApplied && !change.isAmbiguous)
          this.#world.violate(
            'refused but stored',
            `${subject.name} ${describe(change)}: ${known.code} ${known.message}`,
          );
      }
      this.#world.log(() => `  ${known?.message ?? error}`);
    }
    this.#world.pending -= 1;
    change.endedAt = this.#world.kernel.now;
    this.#world.keepUntil(change.endedAt + 1.1 * this.#world.plan.maxRevocationLag);
    this.onSettled(subject, change);
    this.#world.moments.note(process.index, 'change', 'settled');
    this.#world.log(() => `${subject.name} ${describe(change)}: ${change.outcome}`);
  }

  #onWrite(server: RedisServer, database: number, names: ReadonlySet<string>): void {
    if (server !== this.#world.target || database !== 0) return;
    const namesOfKeys = [...names].filter((name) => name.startsWith('keyscope:key:'));
    if (namesOfKeys.length > 0) {
      const stored = readStoredKeys(server);
      for (const name of namesOfKeys) {
        const id = name.slice(name.indexOf('}') + 1);
        const found = stored.find((key) => key.id === id) ?? null;
        const subject = this.#subjectOf(id, found?.label);
        if (subject !== null) checkStored(this.#world, subject, found);
      }
    }
    if ([...names].some((name) => name.startsWith('keyscope:projects:'))) this.#checkProject(server);
  }

  #subjectOf(id: string, label: string | undefined): Subject<KeyState> | null {
    for (const [subject, known] of this.#ids) if (known === id) return subject;
    const subject = label === undefined ? undefined : this.#subjects.get(label.split(' ')[0]!);
    // A successor has the name of the key that it replaces.
    if (subject === undefined || this.#ids.has(subject)) return null;
    this.#ids.set(subject, id);
    return subject;
  }

  #checkProject(server: RedisServer): void {
    const version = readStoredVersion(server);
    const change = version === null ? undefined : this.transcript.changes[version];
    if (change === undefined || change.version === this.transcript.applied) return;
    if (this.transcript.overtaken(change).some(({ process }) => process >= 0))
      this.#world.violate(
        'applied too late',
        `transcript: version ${version} was stored after version ${this.transcript.applied}`,
      );
    checkDeadline(this.#world, this.transcript, change);
    this.transcript.apply(change);
  }
}

/** The version of the project's configuration, which is among its metrics. */
function readStoredVersion(server: RedisServer): number | null {
  for (const [name, { value }] of server.keyspace[0]!) {
    if (!name.startsWith('keyscope:projects:') || value.type !== 'hash') continue;
    for (const text of value.fields.values()) {
      const version = /"m(\d+)"/.exec(text)?.[1];
      if (version !== undefined) return Number(version);
    }
  }
  return null;
}

function describe({ version, label, state }: Change<unknown>): string {
  return `version ${version}${label === null ? '' : ` (${label})`} ${JSON.stringify(state)}`;
}
