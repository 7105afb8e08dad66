import type { NetworkProfile } from '../client/network';
import type { ServerPolicy } from '../redis/server';

export type KeyChange = 'create' | 'disable' | 'enable' | 'restrict' | 'widen' | 'delete' | 'rotate' | 'import';

/** Something that a person, a program or a fault does at a time. `process` and `key` are indexes. Durations: milliseconds. */
export type Step = { readonly at: number } & (
  | { readonly kind: 'change'; readonly process: number; readonly key: number; readonly change: KeyChange }
  | { readonly kind: 'configure'; readonly process: number; readonly transcript: boolean }
  | {
      readonly kind: 'partition';
      readonly process: number;
      readonly server: number;
      readonly direction: 'toServer' | 'toClient' | 'both';
      readonly duration: number;
    }
  | { readonly kind: 'reset'; readonly process: number; readonly which: SocketChoice }
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
  /** Milliseconds between two requests of one process, on average. */
  readonly requestInterval: number;
  readonly steps: readonly Step[];
  /** When the last fault has ended. */
  readonly calmAt: number;
}
