/** Milliseconds of the machine's monotonic clock, which is the same in all its processes (see `harness/now.ts`). */
export type Time = number;

export const ROUTES = ['read', 'write'] as const;
/** A route, and the permission that it asks for. */
export type Route = (typeof ROUTES)[number];

/** A key as it was made or changed: everything by which a request can be judged. `null`: there is no such key. */
export type KeyState = {
  /** Unlike that of any other state of any key: an answer that shows it tells by which state it was judged. */
  readonly name: string;
  readonly permissions: readonly Route[];
  readonly disabled: boolean;
  /** When the key expires: not before `from`, at `to` for certain. The same, but where its rotation is in doubt. */
  readonly expires: { readonly from: Time; readonly to: Time };
} | null;

/** What a project lets out: its transcript, and one metric by name. `null`: nothing has been configured. */
export type ProjectState = { readonly transcript: boolean; readonly metric: string } | null;

/** One change of one subject, and what it came to. */
export interface Step<State> {
  readonly state: State;
  /** Before the change was asked for; it cannot have been made earlier. */
  readonly asked: Time;
  /** When it was acknowledged, or else seen by a later read. Null: nobody knows whether it was made, or when it will be. */
  readonly known: Time | null;
  /** Nobody can have remembered what was before, so what was before is wrong from the acknowledgement on. */
  readonly atOnce?: boolean;
}

/** All changes of one subject, in the order in which they were made. The first is where it began. */
export type Course<State> = readonly Step<State>[];

/** One request and its answer. */
export interface Answer {
  /** Which process was asked. */
  readonly app: number;
  /** The id of the key whose token was sent; null for a token that no key ever had. */
  readonly key: string | null;
  readonly route: Route;
  /** The project that was asked for: workspace and id. */
  readonly project: string;
  readonly began: Time;
  readonly ended: Time;
  /** 0 where there was no answer; `code` says why. */
  readonly status: number;
  /** The code of a refusal. */
  readonly code: string | null;
  /** What a 2xx showed: the key's name, and what the project lets out. Null where nothing was shown. */
  readonly shown: { readonly name: string; readonly transcript: boolean; readonly metrics: readonly string[] } | null;
}

/** Something was broken, from its beginning until service had resumed. */
export interface Outage {
  /** Null: for all of them. */
  readonly app: number | null;
  /** The process itself was suspended, and answers nobody until then. */
  readonly frozen: boolean;
  readonly from: Time;
  readonly until: Time;
}

/** Acknowledged changes from `from` on may have been undone, until everything had been looked at again at `until`. */
export interface Rewind {
  readonly from: Time;
  readonly until: Time;
}

/** Everything that happened, as it was seen from outside. */
export interface History {
  readonly keys: ReadonlyMap<string, Course<KeyState>>;
  /** A project that is not among them may let out anything: what was configured is in doubt for good. */
  readonly projects: ReadonlyMap<string, Course<ProjectState>>;
  readonly answers: readonly Answer[];
  readonly outages: readonly Outage[];
  readonly rewinds: readonly Rewind[];
}

/** What was promised. Milliseconds. */
export interface Promised {
  readonly maxRevocationLag: number;
  readonly storeTimeout: number;
  /** By how much an answer may be later than `storeTimeout`. */
  readonly margin: number;
}
