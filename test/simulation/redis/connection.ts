import type { Reply } from './values';

/** A command as it was sent: its name, then its arguments. */
export type Command = readonly string[];

/** A reply or message of a server. */
export type Frame =
  | { readonly kind: 'reply'; readonly value: Reply }
  /** RESP2's and RESP3's reply to SUBSCRIBE. */
  | { readonly kind: 'subscribed'; readonly channel: string; readonly count: number }
  /** A message of a channel, in RESP2. Names of keys, or null for all, on the channel of invalidations. */
  | { readonly kind: 'message'; readonly channel: string; readonly payload: readonly string[] | null }
  /** An invalidation in RESP3. */
  | { readonly kind: 'push'; readonly type: 'invalidate'; readonly names: readonly string[] | null };

export interface Tracking {
  readonly prefixes: readonly string[];
  /** Id of the connection that receives invalidations; 0 if it is this one. */
  readonly redirect: number;
}

/** The server's end of a connection. */
export class ServerConnection {
  database = 0;
  protocol: 2 | 3 = 2;
  name = '';
  tracking: Tracking | null = null;
  /** Keys of WATCH, as `database name`. */
  readonly watched = new Set<string>();
  /** A watched key has changed. */
  isDirty = false;
  readonly channels = new Set<string>();
  /** Commands that have arrived and not been run. */
  readonly inbox: Command[] = [];
  /** Frames of this turn, in order. */
  out: Frame[] = [];
  /** A command such as WAIT keeps all that come after it waiting. */
  isBlocked = false;
  isClosed = false;

  constructor(
    readonly id: number,
    readonly write: (frames: readonly Frame[]) => void,
    readonly hangUp: () => void,
  ) {}

  reply(value: Reply): void {
    this.out.push({ kind: 'reply', value });
  }

  get isSubscriber(): boolean {
    return this.channels.size > 0 && this.protocol === 2;
  }
}

export const INVALIDATIONS = '__redis__:invalidate';
