import type { Moment } from '../client/moments';
import type { NetworkProfile } from '../client/network';
import type { Direction } from '../client/socket';
import type { ServerPolicy } from '../redis/server';

export type KeyChange = 'create' | 'disable' | 'enable' | 'restrict' | 'widen' | 'delete' | 'rotate' | 'import';

/** How a request is decided. `stream`: a response that is open for a while. */
export type RequestKind = 'middleware' | 'verify' | 'transcript' | 'stream';

/**
 * Something that a person, a program or a fault does. `at`: milliseconds after the steps begin to count, or after a moment.
 * `process` and `key` are indexes. Durations: milliseconds.
 */
export type Step = { readonly at: number; readonly on?: Moment } & (
  | {
      readonly kind: 'request';
      readonly process: number;
      readonly key: number;
      readonly how: RequestKind;
      readonly permission: 'read' | 'write';
    }
  | {
      readonly kind: 'slow';
      readonly process: number;
      readonly which: SocketChoice;
      readonly direction: Direction;
      readonly duration: number;
    }
  | { readonly kind: 'change'; readonly process: number; readonly key: number; readonly change: KeyChange }
  | { readonly kind: 'configure'; readonly process: number; readonly transcript: boolean }
  | {
      readonly kind: 'partition';
      readonly process: number;
      readonly server: number;
      readonly direction: 'toServer' | 'toClient' | 'both';
      readonly duration: number;
    }
  | { readonly kind: 'reset'; readonly process: number; readonly which: SocketChoice; readonly clientOnly?: boolean }
  | {
      readonly kind: 'blackhole';
      readonly process: number;
      readonly which: SocketChoice;
      readonly direction: 'toServer' | 'toClient' | 'both';
    }
  | { readonly kind: 'freeze'; readonly server: number; readonly duration: number }
  | {
      readonly kind: 'restart';
      readonly duration: number;
      readonly data: 'kept' | 'lost' | 'older';
      readonly silently: boolean;
    }
  | { readonly kind: 'failover'; readonly old: 'stopped' | 'demoted'; readonly delay: number; readonly resets: boolean }
  | { readonly kind: 'flip'; readonly process: number; readonly which: SocketChoice; readonly duration: number }
  | { readonly kind: 'stall'; readonly duration: number }
  | { readonly kind: 'swap'; readonly duration: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'block'; readonly process: number; readonly duration: number; readonly withInput: boolean }
  | { readonly kind: 'suspend'; readonly process: number; readonly duration: number }
  | { readonly kind: 'clock'; readonly process: number; readonly by: number }
);

/** Which of a process' connections a fault hits: by what they are called, or all. */
export type SocketChoice = 'app' | 'feed' | 'changes' | 'all';

export interface ProcessPlan {
  readonly drift: number;
  readonly wallOffset: number;
}

/** Properties of a small schedule: its requests are steps, and it ends when its checks are decided. */
export interface Aim {
  readonly template: string;
  /** Steps begin to count before the processes have connected. */
  readonly isCold: boolean;
  /** Each process is asked for a key as soon as a change of it must have been noticed. */
  readonly probes: boolean;
  /** Takes all steps that have a time, also when no check needs them any more. */
  readonly isPatient: boolean;
  /** Waits until the processes are back in service after the faults. */
  readonly checksService: boolean;
}

/** One schedule: everything that is decided before it runs. The seed decides the rest, such as delays of packets. */
export interface Plan {
  readonly seed: number;
  readonly processes: readonly ProcessPlan[];
  readonly maxRevocationLag: number;
  readonly storeTimeout: number;
  readonly network: NetworkProfile;
  readonly hasReplica: boolean;
  readonly replicationLag: number;
  readonly policy: ServerPolicy;
  readonly keys: number;
  /** The second key is that of an imported token. */
  readonly importsTokens: boolean;
  /** Milliseconds for which a change waits until the replica has it; null if changes do not wait. */
  readonly durability: number | null;
  /** Milliseconds between two requests of one process, on average. */
  readonly requestInterval: number;
  readonly steps: readonly Step[];
  /** When the last fault has ended, at the latest. */
  readonly calmAt: number;
  /** Aim of a small schedule; null for a long one with random traffic. */
  readonly aim: Aim | null;
}
