import { NameTable } from './member-name-table';
import type { Step } from './path-parser';

/**
 * Positions in a body at which fields may have to be removed. The object redactor and the stream filter use the same positions, so
 * they agree.
 *
 * The rules. In doubt, each of them removes:
 *
 * - A **conversation** is an object at one of the `conversations` paths. If there is an array, its elements are meant, so
 *   `$` covers a bare array as well. Scalars are kept. A conversation can contain others.
 * - A **member step** (`a`) goes into each element of an array, at any depth, and ends at a scalar. A string that is JSON
 *   with a configured name is rejected, because a client that parses it finds the name.
 * - An **each step** (`[*]`) goes into each element of an array. Any other value counts as the element itself, and the
 *   values of an object's members count as elements. So `{ conversations: { … } }` is covered if it is one conversation,
 *   and if it has many by name.
 * - A **transcript** member is cleared unless it is enabled, keeping its JSON type: `[]`, `{}`, `""`; others become `null`.
 * - A **metrics** member that is an object keeps the enabled names, in their order. Any other value is cleared unless all
 *   metrics are enabled.
 * - A member that **repeats a metric** is cleared unless that metric is enabled.
 * - If several rules or several conversations match one value, each must allow it.
 * - Names are compared exactly, after the escapes of JSON are decoded: `"t\u0075rns"` is `turns`; `Turns` is another.
 *   All duplicates of a member are redacted.
 */
export interface PathState {
  /** The number of conversations around an object here that is a conversation itself; -1 if it is none. */
  readonly conversation: number;
  /** Matches of a value here, if it is not an array. */
  readonly matches: readonly FieldMatch[];
  /** Matches of an array here. */
  readonly arrayMatches: readonly FieldMatch[];
  /** Where the values of these members are; others are at `others`. */
  readonly members: ReadonlyMap<string, PathState>;
  /** The entries of `members`, as an array for loops. */
  readonly named: readonly { readonly name: string; readonly position: PathState }[];
  /** The same for JSON text, and which member names the project. */
  readonly table: NameTable<Member>;
  /** Where the values of members not named are; `null`: nowhere of interest. */
  readonly others: PathState | null;
  /** Where an array's elements are; `null`: nowhere of interest. */
  readonly elements: PathState | null;
}

/** Whether paths lead into an object here. */
export function hasNestedPaths({ named, others }: PathState): boolean {
  return named.length > 0 || others !== null;
}

/** Error of a string that is JSON with a configured name, in place of an object: clients that parse it find the name. */
export const NESTED_JSON = 'a string is JSON that contains a configured name';

const WIDE_SPACE = /\s/;

/**
 * Whether a client may skip a character before JSON: blanks, controls, and, above ASCII, white space of JavaScript. JSON
 * itself allows four characters, but many clients strip others, for example a byte order mark.
 */
export function isIgnorable(code: number): boolean {
  return code <= 0x20 || (code >= 0x80 && WIDE_SPACE.test(String.fromCharCode(code)));
}

/** A member that is looked for by name. */
export interface Member {
  readonly position: PathState | null;
  /** Whether its value names the project of the conversation it is in. */
  readonly namesProject: boolean;
}

/** That a value is (part of) a feature of the conversation open at `level`. */
export interface FieldMatch {
  readonly feature: 'transcript' | 'metrics';
  /** The one metric that the value repeats; `null` if it is the whole feature. */
  readonly metric: string | null;
  readonly level: number;
}

/** Compiled once per `redactResponse`, shared by all its responses. */
export interface Fields {
  readonly root: PathState;
  /** How many conversations can be open inside one another. */
  readonly levels: number;
  /** The member that names a conversation's project, if a body mixes projects. */
  readonly projectMember: string;
  /** The names of all members that can be redacted. */
  readonly names: ReadonlySet<string>;
  /** Whether all names that are looked for are ASCII. */
  readonly asciiNames: boolean;
}

/** The paths to compile. Those of fields start inside a conversation, with a member. */
export interface FieldPaths {
  readonly conversations: readonly (readonly Step[])[];
  readonly transcript: readonly (readonly Step[])[];
  readonly metrics: readonly (readonly Step[])[];
  /** The members that repeat a metric, by the metric's name. */
  readonly aliases: readonly { readonly metric: string; readonly member: string }[];
  readonly projectMember: string;
}

/** A path on its way: which, how far, and (inside a conversation) for which. */
interface PathCursor {
  readonly route: CompiledPath;
  readonly at: number;
  readonly level: number;
}

interface CompiledPath {
  readonly id: number;
  readonly steps: readonly Step[];
  /** `null`: it leads to a conversation. */
  readonly match: Pick<FieldMatch, 'feature' | 'metric'> | null;
}

type MutablePathState = { -readonly [K in keyof PathState]: PathState[K] };

const NO_MEMBERS = new NameTable<Member>(new Map());

/** Follows all paths at once, so that a body is walked once however many there are. */
class Compiler {
  readonly #known = new Map<string, MutablePathState>();
  readonly #inside: readonly CompiledPath[];
  readonly #projectMember: string;
  levels = 0;

  constructor(inside: readonly CompiledPath[], projectMember: string) {
    this.#inside = inside;
    this.#projectMember = projectMember;
  }

  /** The position that these cursors have reached, inside `open` conversations. */
  position(cursors: readonly PathCursor[], open: number): PathState | null {
    if (cursors.length === 0) return null;
    const unique = new Map(cursors.map((cursor) => [`${cursor.route.id}:${cursor.at}:${cursor.level}`, cursor]));
    const key = `${open}|${[...unique.keys()].sort().join(' ')}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const draft: MutablePathState = {
      conversation: -1,
      matches: [],
      arrayMatches: [],
      members: new Map(),
      named: [],
      table: NO_MEMBERS,
      others: null,
      elements: null,
    };
    // Known before its insides are, because an array in an array of conversations is at the same position.
    this.#known.set(key, draft);
    this.#asArray(draft, [...unique.values()], open);
    this.#asOther(draft, [...unique.values()], open);
    return draft;
  }

  #asArray(draft: MutablePathState, cursors: readonly PathCursor[], open: number): void {
    const elements: PathCursor[] = [];
    const matches: FieldMatch[] = [];
    for (const cursor of cursors) {
      const { route, at, level } = cursor;
      if (route.steps[at] === null) elements.push({ ...cursor, at: at + 1 });
      else if (at < route.steps.length || route.match === null) elements.push(cursor);
      else matches.push({ ...route.match, level });
    }
    draft.arrayMatches = matches;
    draft.elements = this.position(elements, open);
  }

  #asOther(draft: MutablePathState, cursors: readonly PathCursor[], open: number): void {
    const all = [...cursors];
    const others: PathCursor[] = [];
    const matches: FieldMatch[] = [];
    const names = new Map<string, PathCursor[]>();
    for (let i = 0; i < all.length; i++) {
      const { route, at, level } = all[i]!;
      const step = route.steps[at];
      const next: PathCursor = { route, at: at + 1, level };
      if (step === null) {
        all.push(next);
        others.push(next);
      } else if (step !== undefined) {
        names.set(step, [...(names.get(step) ?? []), next]);
      } else if (route.match !== null) {
        matches.push({ ...route.match, level });
      } else if (draft.conversation < 0) {
        draft.conversation = open;
        this.levels = Math.max(this.levels, open + 1);
        for (const inner of this.#inside) all.push({ route: inner, at: 0, level: open });
      }
    }
    draft.matches = matches;
    const within = draft.conversation < 0 ? open : open + 1;
    const members = new Map<string, PathState>();
    for (const [name, reached] of names) members.set(name, this.position([...reached, ...others], within)!);
    draft.members = members;
    draft.named = [...members].map(([name, position]) => ({ name, position }));
    draft.others = this.position(others, within);
    draft.table = this.#table(draft);
  }

  #table({ conversation, members, others }: MutablePathState): NameTable<Member> {
    const table = new Map<string, Member>();
    for (const [name, position] of members) table.set(name, { position, namesProject: false });
    if (conversation >= 0) {
      table.set(this.#projectMember, { position: members.get(this.#projectMember) ?? others, namesProject: true });
    }
    return new NameTable(table);
  }
}

export function compileFields(paths: FieldPaths): Fields {
  let id = 0;
  const route = (steps: readonly Step[], match: CompiledPath['match']): CompiledPath => ({ id: id++, steps, match });
  const compiler = new Compiler(
    [
      ...paths.transcript.map((steps) => route(steps, { feature: 'transcript', metric: null })),
      ...paths.metrics.map((steps) => route(steps, { feature: 'metrics', metric: null })),
      ...paths.aliases.map(({ metric, member }) => route([member], { feature: 'metrics', metric })),
    ],
    paths.projectMember,
  );
  const starts = paths.conversations.map((steps) => ({ route: route(steps, null), at: 0, level: -1 }));
  const root = compiler.position(starts, 0)!;
  const fields = [...paths.transcript, ...paths.metrics].map((steps) => steps.findLast((step) => step !== null));
  const names = new Set([...fields, ...paths.aliases.map(({ member }) => member)] as string[]);
  const steps = [...paths.conversations, ...paths.transcript, ...paths.metrics, [...names, paths.projectMember]].flat();
  const asciiNames = steps.every((step) => step === null || /^[ -~]*$/.test(step));
  return { root, levels: compiler.levels, projectMember: paths.projectMember, names, asciiNames };
}
