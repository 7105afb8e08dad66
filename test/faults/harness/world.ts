import { generateToken } from '../../../src/token/generate';
import type { KeyState, ProjectState, Step, Time } from '../checker/history';
import { fromWall, now } from './clock';
import type { SeenKey } from './commands';
import type { Random } from './random';

const EVER = Number.NEGATIVE_INFINITY;

/** A key as the harness knows it, and everything that became of it. */
export interface TrackedKey {
  readonly id: string;
  readonly token: string;
  readonly workspace: string;
  readonly course: Step<KeyState>[];
  /** As far as is known. */
  revision: number;
  /** What it was when it was last certain. */
  certain: KeyState;
  /** Steps that may have been made, or may still be. */
  doubts: Step<KeyState>[];
  /** Someone is changing it. */
  busy: boolean;
}

export interface TrackedProject {
  readonly id: string;
  readonly workspace: string;
  readonly course: Step<ProjectState>[];
  busy: boolean;
}

/** How many keys that are no more are still asked for. */
const REMEMBERED_DEAD = 24;
const FORGED = 500;

export function nameOf({ workspace, id }: TrackedProject): string {
  return `${workspace}/${id}`;
}

/** The keys and projects of a round, alive and dead, and what is known of them. */
export class World {
  readonly workspaces: readonly string[];
  readonly #random: Random;
  readonly #keys = new Map<string, TrackedKey>();
  readonly #projects = new Map<string, TrackedProject>();
  /** Those that are asked for. */
  readonly live: TrackedKey[] = [];
  readonly #dead: TrackedKey[] = [];
  /** Good from their making on, and never changed: one for each workspace. */
  readonly witnesses: TrackedKey[] = [];
  readonly projects: TrackedProject[] = [];
  readonly #forged: readonly string[];
  readonly #tag: string;
  #names = 0;

  constructor(workspaces: readonly string[], random: Random) {
    this.workspaces = workspaces;
    this.#random = random;
    this.#forged = Array.from({ length: FORGED }, (_, i) => {
      return generateToken('ks', workspaces[i % workspaces.length]!).token;
    });
    this.#tag = Math.floor(random() * 1e9).toString(36);
  }

  /** A name that no state of any key has had. */
  newName(): string {
    this.#names += 1;
    return `${this.#tag}-${this.#names}`;
  }

  get keys(): ReadonlyMap<string, TrackedKey> {
    return this.#keys;
  }

  /** Those of which the configuration is known, and their courses, by name. */
  get knownProjects(): ReadonlyMap<string, readonly Step<ProjectState>[]> {
    return new Map([...this.#projects].map(([name, { course }]) => [name, course]));
  }

  addKey(seen: SeenKey, token: string, workspace: string, asked: Time, known: Time, atOnce: boolean): TrackedKey {
    const state = stateOf(seen);
    const course: Step<KeyState>[] = [
      { state: null, asked: EVER, known: EVER },
      { state, asked, known, atOnce },
    ];
    const { id, revision } = seen;
    const key: TrackedKey = { id, token, workspace, course, revision, certain: state, doubts: [], busy: false };
    this.#keys.set(id, key);
    this.live.push(key);
    return key;
  }

  /** Takes a key out of those that are changed, and makes it a witness. */
  makeWitness(key: TrackedKey): void {
    this.#remove(this.live, key);
    this.witnesses.push(key);
  }

  /** The key is no more; it is asked for a while longer. */
  bury(key: TrackedKey): void {
    this.#remove(this.live, key);
    this.#remove(this.witnesses, key);
    if (this.#dead.includes(key)) return;
    this.#dead.push(key);
    if (this.#dead.length > REMEMBERED_DEAD) this.#dead.shift();
  }

  addProject(id: string, workspace: string): TrackedProject {
    const project: TrackedProject = { id, workspace, course: [{ state: null, asked: EVER, known: EVER }], busy: false };
    this.projects.push(project);
    this.#projects.set(nameOf(project), project);
    return project;
  }

  /** What is configured is in doubt for good: nobody asks about it any more, and nothing it lets out is wrong. */
  forgetProject(project: TrackedProject): void {
    this.#remove(this.projects, project);
    this.#projects.delete(nameOf(project));
  }

  /** Everything is gone. Called when nothing is being changed. */
  wipe(asked: Time, known: Time): void {
    const gone = { state: null, asked, known };
    for (const key of this.#keys.values()) {
      key.course.push(gone);
      key.certain = null;
      key.doubts = [];
      this.bury(key);
    }
    for (const project of this.#projects.values()) project.course.push(gone);
  }

  /** Whom to ask for next, when nobody in particular: mostly for keys that there are. */
  pickToken(): { readonly key: TrackedKey | null; readonly token: string; readonly workspace: string } {
    const random = this.#random;
    if (random.chance(0.12) || this.live.length === 0) {
      const token = random.pick(this.#forged);
      return { key: null, token, workspace: random.pick(this.workspaces) };
    }
    const group = random.pick([this.live, this.live, this.live, this.witnesses, this.#dead]);
    const key = random.pick(group.length > 0 ? group : this.live);
    if (!random.chance(0.1)) return { key, token: key.token, workspace: key.workspace };
    // The right id with a wrong secret.
    const { token } = generateToken('ks', key.workspace, undefined, key.id);
    return { key: null, token, workspace: key.workspace };
  }

  pickProject(workspace: string): string {
    const candidates = this.projects.filter((project) => project.workspace === workspace);
    return candidates.length > 0 ? this.#random.pick(candidates).id : 'unconfigured';
  }

  #remove<T>(list: T[], entry: T): void {
    const index = list.indexOf(entry);
    if (index !== -1) list.splice(index, 1);
  }
}

export function stateOf({ name, permissions, disabled, expiresAt }: SeenKey): NonNullable<KeyState> {
  const at = fromWall(expiresAt);
  return { name, permissions, disabled, expires: { from: at, to: at } };
}

/** Whether what was seen of a key is what a state says. */
export function isSame(state: KeyState, seen: SeenKey | null): boolean {
  if (state === null || seen === null) return state === seen;
  // Expiries are as good as equal: two readings of two clocks lie between them.
  const at = fromWall(seen.expiresAt);
  return (
    state.name === seen.name &&
    state.disabled === seen.disabled &&
    state.permissions.join() === seen.permissions.join() &&
    at > state.expires.from - 20 &&
    at < state.expires.to + 20
  );
}

/** Whether a key in this state may be used at all, now or after being enabled. */
export function isAlive(state: KeyState): boolean {
  return state !== null && state.expires.from > now();
}
