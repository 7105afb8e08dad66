import { generateToken } from '../../../src/token/generate';
import type { KeyState, ProjectState, Step, Time } from '../checker/history';
import { fromWall, now } from './clock';
import type { KeyView } from './commands';
import type { Random } from './random';

const EVER = Number.NEGATIVE_INFINITY;

/** A key and the record of its changes. */
export interface TrackedKey {
  readonly id: string;
  readonly token: string;
  readonly workspace: string;
  readonly timeline: Step<KeyState>[];
  /** Last known revision. */
  revision: number;
  /** State at the last time that it was known. */
  lastKnown: KeyState;
  /** Steps that may have been applied, or may still be. */
  undecided: Step<KeyState>[];
  /** A change is in progress. */
  busy: boolean;
}

export interface TrackedProject {
  readonly id: string;
  readonly workspace: string;
  readonly timeline: Step<ProjectState>[];
  busy: boolean;
}

/** Number of deleted keys that requests still use. */
const KEPT_RETIRED_KEYS = 24;
const FORGED = 500;

function nameOf({ workspace, id }: TrackedProject): string {
  return `${workspace}/${id}`;
}

/** Keys and projects of a trial, existing and deleted, and their known states. */
export class Model {
  readonly workspaces: readonly string[];
  readonly #random: Random;
  readonly #keys = new Map<string, TrackedKey>();
  readonly #projects = new Map<string, TrackedProject>();
  /** Existing keys that are changed. */
  readonly live: TrackedKey[] = [];
  readonly #retired: TrackedKey[] = [];
  /** One valid key per workspace that is never changed. */
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

  /** Timelines of the projects with a known configuration, by name. */
  get knownProjects(): ReadonlyMap<string, readonly Step<ProjectState>[]> {
    return new Map([...this.#projects].map(([name, { timeline }]) => [name, timeline]));
  }

  addKey(seen: KeyView, token: string, workspace: string, sentAt: Time, knownAt: Time, immediate: boolean): TrackedKey {
    const state = stateOf(seen);
    const timeline: Step<KeyState>[] = [
      { state: null, sentAt: EVER, knownAt: EVER },
      { state, sentAt, knownAt, immediate },
    ];
    const { id, revision } = seen;
    const key: TrackedKey = {
      id,
      token,
      workspace,
      timeline,
      revision,
      lastKnown: state,
      undecided: [],
      busy: false,
    };
    this.#keys.set(id, key);
    this.live.push(key);
    return key;
  }

  /** Excludes a key from changes and makes it a witness. */
  makeWitness(key: TrackedKey): void {
    this.#remove(this.live, key);
    this.witnesses.push(key);
  }

  /** The key was deleted. Requests use it for a while longer. */
  retire(key: TrackedKey): void {
    this.#remove(this.live, key);
    this.#remove(this.witnesses, key);
    if (this.#retired.includes(key)) return;
    this.#retired.push(key);
    if (this.#retired.length > KEPT_RETIRED_KEYS) this.#retired.shift();
  }

  addProject(id: string, workspace: string): TrackedProject {
    const project: TrackedProject = {
      id,
      workspace,
      timeline: [{ state: null, sentAt: EVER, knownAt: EVER }],
      busy: false,
    };
    this.projects.push(project);
    this.#projects.set(nameOf(project), project);
    return project;
  }

  /** The outcome of a change is unknown: the project is no longer requested nor checked. */
  dropProject(project: TrackedProject): void {
    this.#remove(this.projects, project);
    this.#projects.delete(nameOf(project));
  }

  /** All data were deleted. No change is in progress. */
  deleteAll(sentAt: Time, knownAt: Time): void {
    const gone = { state: null, sentAt, knownAt };
    for (const key of this.#keys.values()) {
      key.timeline.push(gone);
      key.lastKnown = null;
      key.undecided = [];
      this.retire(key);
    }
    for (const project of this.#projects.values()) project.timeline.push(gone);
  }

  /** A token for a request: mostly of an existing key. */
  pickToken(): { readonly key: TrackedKey | null; readonly token: string; readonly workspace: string } {
    const random = this.#random;
    if (random.chance(0.12) || this.live.length === 0) {
      const token = random.pick(this.#forged);
      return { key: null, token, workspace: random.pick(this.workspaces) };
    }
    const group = random.pick([this.live, this.live, this.live, this.witnesses, this.#retired]);
    const key = random.pick(group.length > 0 ? group : this.live);
    if (!random.chance(0.1)) return { key, token: key.token, workspace: key.workspace };
    // An existing id with a wrong secret.
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

export function stateOf({ name, permissions, disabled, expiresAt }: KeyView): NonNullable<KeyState> {
  const at = fromWall(expiresAt);
  return { name, permissions, disabled, expires: { from: at, to: at } };
}

/** Whether a key as returned by the API is in a given state. */
export function isSame(state: KeyState, seen: KeyView | null): boolean {
  if (state === null || seen === null) return state === seen;
  // Expiries are equal within the error of two clock readings.
  const at = fromWall(seen.expiresAt);
  return (
    state.name === seen.name &&
    state.disabled === seen.disabled &&
    state.permissions.join() === seen.permissions.join() &&
    at > state.expires.from - 20 &&
    at < state.expires.to + 20
  );
}

/** Whether a key in this state can be used, now or after being enabled. */
export function isAlive(state: KeyState): boolean {
  return state !== null && state.expires.from > now();
}
