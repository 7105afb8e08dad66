/** Milliseconds of the machine's monotonic clock, which all its processes share (see `harness/clock.ts`). */
export type Time = number;

export const ROUTES = ['read', 'write'] as const;
/** A route, and the permission that it requires. */
export type Route = (typeof ROUTES)[number];

/** The members of a key that decide about a request. `null` if the key does not exist. */
export type KeyState = {
  /** Unique among all states of all keys: a response that shows it names the state that decided. */
  readonly name: string;
  readonly permissions: readonly Route[];
  readonly disabled: boolean;
  /**
   * When the key expires: not before `from`, at the latest at `to`. They differ only if the outcome of a rotation is
   * unknown.
   */
  readonly expires: { readonly from: Time; readonly to: Time };
} | null;

/** Fields that a project has enabled: its transcript, and one metric by name. `null` if it has no configuration. */
export type ProjectState = { readonly transcript: boolean; readonly metric: string } | null;

/** One change of one subject, and its outcome. */
export interface Step<State> {
  readonly state: State;
  /** Before the change was sent. It cannot have been applied earlier. */
  readonly sentAt: Time;
  /** When it was acknowledged, or seen by a later read. Null if it is unknown whether it was or will be applied. */
  readonly knownAt: Time | null;
  /** The state before it cannot be cached, so that state is wrong from the acknowledgement on. */
  readonly immediate?: boolean;
}

/** All changes of one subject, in the order in which they were sent. The first is the initial state. */
export type Timeline<State> = readonly Step<State>[];

/** One request and its response. */
export interface Exchange {
  /** Index of the process that received the request. */
  readonly app: number;
  /** Id of the key whose token was sent; null if no key ever had the token. */
  readonly key: string | null;
  readonly route: Route;
  /** The requested project: `workspace/id`. */
  readonly project: string;
  readonly began: Time;
  readonly ended: Time;
  /** 0 if there was no response; `code` has the reason. */
  readonly status: number;
  /** Code of a denial. */
  readonly code: string | null;
  /** Explanation in the response, for the report. */
  readonly detail?: string | undefined;
  /** Content of a 2xx: the name of the key, and the enabled fields of the project. Null for other responses. */
  readonly shown: { readonly name: string; readonly transcript: boolean; readonly metrics: readonly string[] } | null;
}

/** An open response with status 200: lines that a process writes until the reader or the process ends it. */
export interface Stream {
  /** Index of the process. */
  readonly app: number;
  readonly key: string;
  readonly route: Route;
  /** The requested project: `workspace/id`. */
  readonly project: string;
  /** When the request was sent. */
  readonly began: Time;
  /** When the process wrote each line that was received. */
  readonly lines: readonly Time[];
  /** When the reader noticed that the process had ended it. Null if it had not. */
  readonly endedAt: Time | null;
}

/** A fault, from its beginning until service resumed. */
export interface Outage {
  /** Null if it met all processes. */
  readonly app: number | null;
  /** The process was suspended and did not respond. */
  readonly frozen: boolean;
  readonly from: Time;
  readonly until: Time;
}

/** Changes acknowledged from `from` on may have been lost, until everything was read again at `until`. */
export interface Rewind {
  readonly from: Time;
  readonly until: Time;
}

/** Everything that happened in a trial, as observed from outside. */
export interface History {
  readonly keys: ReadonlyMap<string, Timeline<KeyState>>;
  /** A project that is missing here has an unknown configuration and is not checked. */
  readonly projects: ReadonlyMap<string, Timeline<ProjectState>>;
  readonly responses: readonly Exchange[];
  readonly streams: readonly Stream[];
  readonly outages: readonly Outage[];
  readonly rewinds: readonly Rewind[];
}

/** Limits that the package documents. Milliseconds. */
export interface Limits {
  readonly maxRevocationLag: number;
  readonly storeTimeout: number;
  /** Tolerance on top of `storeTimeout`. */
  readonly margin: number;
}
