import type { SocketRole } from './socket';

/**
 * Commands that a step of a schedule can be aimed at. `poll`: PING on the feed. `ask`: INFO on the client's connection, of a poll
 * or of a verification. `read`: a read for a request. `observe`: the read before a change. `change`: a script. `connect`: the
 * app's client connects. `track`: a feed is opened.
 */
export type CommandKind = 'poll' | 'ask' | 'read' | 'observe' | 'change' | 'connect' | 'track';

/** `arrived`: at the server. `answered`: the server has written its reply. `settled`: the caller of a change knows. */
export type Phase = 'sent' | 'arrived' | 'answered' | 'received' | 'settled';

/** The nth time that something happens, from when the steps of a schedule begin to count. */
export interface Moment {
  readonly process: number;
  readonly kind: CommandKind;
  readonly phase: Phase;
  /** From 1. */
  readonly nth: number;
}

const READS = new Set(['get', 'hmget', 'hgetall', 'hvals']);

/** The kind of a command by its name in lower case; null if no step is aimed at it. */
export function commandKindOf(role: SocketRole, name: string): CommandKind | null {
  if (name === 'eval' || name === 'evalsha') return 'change';
  if (role === 'feed') return name === 'ping' ? 'poll' : name === 'subscribe' ? 'track' : null;
  if (name === 'info') return role === 'app' ? 'ask' : null;
  if (role === 'changes') return name === 'time' ? 'observe' : null;
  return READS.has(name) ? 'read' : null;
}

/** Counts moments, and runs what is to happen at them. */
export class Moments {
  readonly #counts = new Map<string, number>();
  readonly #armed = new Map<string, { nth: number; run: () => void }[]>();

  arm({ process, kind, phase, nth }: Moment, run: () => void): void {
    const name = `${process} ${kind} ${phase}`;
    const armed = this.#armed.get(name);
    if (armed === undefined) this.#armed.set(name, [{ nth, run }]);
    else armed.push({ nth, run });
  }

  note(process: number, kind: CommandKind, phase: Phase): void {
    if (this.#armed.size === 0) return;
    const name = `${process} ${kind} ${phase}`;
    const armed = this.#armed.get(name);
    if (armed === undefined) return;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    for (const { nth, run } of armed) if (nth === count) run();
  }
}
