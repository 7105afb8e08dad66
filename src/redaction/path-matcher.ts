import { NameTable } from './member-name-table';
import type { Step } from './path-parser';

/**
 * Where in a body what may have to be withheld. Both halves, objects and bytes, walk the same positions, and so agree.
 *
 * The rules, of which each leans to withholding:
 *
 * - A **conversation** is an object at one of the `conversations` paths. An array there stands for its elements, so `$`
 *   covers a bare list as well. Scalars there are left alone. A conversation may hold others.
 * - A **member step** (`a`) that meets an array goes into each element, at any depth; that meets a scalar ends there, but
 *   for a text that looks like JSON (its first character that is not blank is `{`, `[` or `"`): it is refused. Blank is
 *   what some reader may skip ({@link isBlank}).
 * - An **each step** (`[*]`) goes into each element of an array. Anything else met there counts as the element itself,
 *   and the values of an object's members count as elements too: `{ conversations: { … } }` is covered whether it
 *   is one conversation or many by name.
 * - A **transcript** member that may not leave is emptied, keeping its JSON type: `[]`, `{}`, `""`; others become `null`.
 * - A **metrics** member that may not leave as a whole keeps, as an object, the enabled names in their order; anything
 *   else there is emptied in the same way.
 * - A member that **repeats a metric** is emptied in the same way unless that metric is enabled.
 * - Where several of these meet in one place, or several conversations claim it, each must allow what leaves.
 * - Names are compared exactly, after the escapes of JSON are decoded: `"t\u0075rns"` is `turns`; `Turns` is another.
 *   Every duplicate of a member is treated alike.
 */
export interface Position {
  /** How many conversations are open around an object here, which is one itself; -1 where it is none. */
  readonly conversation: number;
  /** What a value here is, if it is not an array. */
  readonly claims: readonly Claim[];
  /** What an array here is. */
  readonly arrayClaims: readonly Claim[];
  /** Where the values of these members are; others are at `others`. */
  readonly members: ReadonlyMap<string, Position>;
  /** `members` once more, in an order fit for loops. */
  readonly named: readonly { readonly name: string; readonly position: Position }[];
  /** The same for JSON text, and which member names the project. */
  readonly table: NameTable<Member>;
  /** Where the values of members not named are; `null`: nowhere of interest. */
  readonly others: Position | null;
  /** Where an array's elements are; `null`: nowhere of interest. */
  readonly elements: Position | null;
}

/** Whether paths lead into an object here. */
export function leadsOn({ named, others }: Position): boolean {
  return named.length > 0 || others !== null;
}

/** What is wrong with a body where {@link leadsOn} but a text stands that looks like JSON: clients that read it see inside. */
export const TEXT_IN_TEXT = 'a text that is JSON itself stands where an object may';

const WIDE_SPACE = /\s/;

/**
 * Whether a character may stand before JSON and be overlooked: blanks and controls, and, above ASCII, what JavaScript calls
 * white space. JSON itself allows four, but a byte order mark, for one, is stripped by many who read a text.
 */
export function isBlank(code: number): boolean {
  return code <= 0x20 || (code >= 0x80 && WIDE_SPACE.test(String.fromCharCode(code)));
}

/** A member that is looked for by name. */
export interface Member {
  readonly position: Position | null;
  /** Whether its value names the project of the conversation it is in. */
  readonly namesProject: boolean;
}

/** That a value is (part of) a feature of the conversation open at `level`. */
export interface Claim {
  readonly feature: 'transcript' | 'metrics';
  /** The one metric that the value repeats; `null` where it is the whole feature. */
  readonly metric: string | null;
  readonly level: number;
}

/** Compiled once per `redactResponse`, shared by all its responses. */
export interface Fields {
  readonly root: Position;
  /** How many conversations can be open inside one another. */
  readonly levels: number;
  /** The member that names a conversation's project, where a body mixes projects. */
  readonly projectMember: string;
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
interface Course {
  readonly route: Route;
  readonly at: number;
  readonly level: number;
}

interface Route {
  readonly id: number;
  readonly steps: readonly Step[];
  /** `null`: it leads to a conversation. */
  readonly claim: Pick<Claim, 'feature' | 'metric'> | null;
}

type Draft = { -readonly [K in keyof Position]: Position[K] };

const NOBODY = new NameTable<Member>(new Map());

/** Follows all paths at once, so that a body is walked once however many there are. */
class Compiler {
  readonly #known = new Map<string, Draft>();
  readonly #inside: readonly Route[];
  readonly #projectMember: string;
  levels = 0;

  constructor(inside: readonly Route[], projectMember: string) {
    this.#inside = inside;
    this.#projectMember = projectMember;
  }

  /** The position that these courses have reached, inside `open` conversations. */
  position(courses: readonly Course[], open: number): Position | null {
    if (courses.length === 0) return null;
    const unique = new Map(courses.map((course) => [`${course.route.id}:${course.at}:${course.level}`, course]));
    const key = `${open}|${[...unique.keys()].sort().join(' ')}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const draft: Draft = {
      conversation: -1,
      claims: [],
      arrayClaims: [],
      members: new Map(),
      named: [],
      table: NOBODY,
      others: null,
      elements: null,
    };
    // Known before its insides are, because a list in a list of conversations leads back to where it is.
    this.#known.set(key, draft);
    this.#asArray(draft, [...unique.values()], open);
    this.#asOther(draft, [...unique.values()], open);
    return draft;
  }

  #asArray(draft: Draft, courses: readonly Course[], open: number): void {
    const elements: Course[] = [];
    const claims: Claim[] = [];
    for (const course of courses) {
      const { route, at, level } = course;
      if (route.steps[at] === null) elements.push({ ...course, at: at + 1 });
      else if (at < route.steps.length || route.claim === null) elements.push(course);
      else claims.push({ ...route.claim, level });
    }
    draft.arrayClaims = claims;
    draft.elements = this.position(elements, open);
  }

  #asOther(draft: Draft, courses: readonly Course[], open: number): void {
    const all = [...courses];
    const others: Course[] = [];
    const claims: Claim[] = [];
    const names = new Map<string, Course[]>();
    for (let i = 0; i < all.length; i++) {
      const { route, at, level } = all[i]!;
      const step = route.steps[at];
      const next: Course = { route, at: at + 1, level };
      if (step === null) {
        all.push(next);
        others.push(next);
      } else if (step !== undefined) {
        names.set(step, [...(names.get(step) ?? []), next]);
      } else if (route.claim !== null) {
        claims.push({ ...route.claim, level });
      } else if (draft.conversation < 0) {
        draft.conversation = open;
        this.levels = Math.max(this.levels, open + 1);
        for (const inner of this.#inside) all.push({ route: inner, at: 0, level: open });
      }
    }
    draft.claims = claims;
    const within = draft.conversation < 0 ? open : open + 1;
    const members = new Map<string, Position>();
    for (const [name, reached] of names) members.set(name, this.position([...reached, ...others], within)!);
    draft.members = members;
    draft.named = [...members].map(([name, position]) => ({ name, position }));
    draft.others = this.position(others, within);
    draft.table = this.#table(draft);
  }

  #table({ conversation, members, others }: Draft): NameTable<Member> {
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
  const route = (steps: readonly Step[], claim: Route['claim']): Route => ({ id: id++, steps, claim });
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
  return { root, levels: compiler.levels, projectMember: paths.projectMember };
}
