import type { CommandKind, Moment, Phase } from '../client/moments';
import type { Random } from '../kernel/random';
import type { KeyChange, Plan, RequestKind, SocketChoice, Step } from './plan';

/** When a step is taken: after a moment, or after the steps begin to count. */
export interface When {
  readonly at: number;
  readonly on?: Moment;
}

const REQUESTS: readonly (readonly [RequestKind, number])[] = [
  ['middleware', 14],
  ['verify', 1],
  ['transcript', 3],
  ['stream', 1],
];

const REVOCATIONS: readonly (readonly [KeyChange, number])[] = [
  ['disable', 5],
  ['delete', 3],
  ['restrict', 2],
  ['rotate', 2],
];

const CHANGES: readonly (readonly [KeyChange, number])[] = [...REVOCATIONS, ['enable', 4], ['widen', 2], ['create', 1]];

const DIRECTIONS = ['toServer', 'toClient', 'both'] as const;

/** Builds the steps of a small schedule. `victim`: the process that faults are aimed at. `actor`: the one that makes changes. */
export class Sketch {
  readonly steps: Step[] = [];
  readonly victim: number;
  readonly actor: number;
  hasReplica = false;
  replicationLag = 0.3;
  tracking: Plan['policy']['tracking'] = 'allowed';
  isCold = false;
  /** Clocks of machines differ by up to so many milliseconds. */
  clockDifference = 20;

  constructor(
    readonly random: Random,
    readonly lag: number,
    readonly storeTimeout: number,
    readonly processes: number,
  ) {
    this.victim = random.below(processes);
    this.actor = processes === 1 ? 0 : (this.victim + 1 + random.below(processes - 1)) % processes;
  }

  /** A part of the lag. Milliseconds. */
  lags(low: number, high: number): number {
    return this.lag * this.random.between(low, high);
  }

  on(kind: CommandKind, phase: Phase, nth = 1, process = this.victim): Moment {
    return { process, kind, phase, nth };
  }

  /** Something that happens in most schedules. */
  anyMoment(): Moment {
    const kind = this.random.weighted<CommandKind>([
      ['poll', 3],
      ['ask', 2],
      ['read', 4],
      ['observe', 1],
      ['change', 3],
      ['connect', 1],
      ['track', 1],
    ]);
    const process = kind === 'change' || kind === 'observe' ? this.actor : this.victim;
    const phase = kind === 'connect' ? 'received' : this.anyPhase(kind === 'change');
    return this.on(kind, phase, this.random.pick([1, 1, 1, 2, 3]), process);
  }

  anyPhase(ofChange = false): Phase {
    const phases = ['sent', 'arrived', 'answered', 'received'] as const;
    return ofChange && this.random.chance(0.25) ? 'settled' : this.random.pick(phases);
  }

  /** Shortly after a moment, or any time. */
  anyWhen(): When {
    if (this.random.chance(0.3)) return { at: this.lags(0, 1.5) };
    const soon = this.random.chance(0.6) ? this.random.between(0, 2) : this.lags(0, 0.8);
    return { on: this.anyMoment(), at: soon };
  }

  request(when: When, process = this.victim, key = 0, how = this.random.weighted(REQUESTS)): void {
    const permission = this.random.chance(0.75) ? 'read' : 'write';
    this.steps.push({ ...when, kind: 'request', process, key, how, permission });
  }

  /** Requests of one process for one key, one after the other. */
  requests(from: number, to: number, count: number, process = this.victim, key = 0): void {
    for (let i = 0; i < count; i++) this.request({ at: this.random.between(from, to) }, process, key);
  }

  revoke(when: When, key = 0, process = this.actor): void {
    this.steps.push({ ...when, kind: 'change', process, key, change: this.random.weighted(REVOCATIONS) });
  }

  change(when: When, key = 0, process = this.actor, change = this.random.weighted(CHANGES)): void {
    this.steps.push({ ...when, kind: 'change', process, key, change });
  }

  configure(when: When, transcript = this.random.chance(0.3), process = this.actor): void {
    this.steps.push({ ...when, kind: 'configure', process, transcript });
  }

  slow(when: When, which: SocketChoice, direction: 'toServer' | 'toClient', duration: number): void {
    this.steps.push({ ...when, kind: 'slow', process: this.victim, which, direction, duration });
  }

  block(when: When, duration: number, withInput: boolean): void {
    this.steps.push({ ...when, kind: 'block', process: this.victim, duration, withInput });
  }

  reset(when: When, which: SocketChoice, clientOnly = false): void {
    this.steps.push({ ...when, kind: 'reset', process: this.victim, which, clientOnly });
  }

  blackhole(when: When, which: SocketChoice, direction = this.random.pick(DIRECTIONS)): void {
    this.steps.push({ ...when, kind: 'blackhole', process: this.victim, which, direction });
  }

  partition(when: When, duration: number, direction = this.random.pick(DIRECTIONS)): void {
    this.steps.push({ ...when, kind: 'partition', process: this.victim, server: 0, direction, duration });
  }

  /** The invalidation feed receives nothing for a while, or no more. */
  silenceFeed(when: When): void {
    const how = this.random.weighted([
      ['blackhole', 3],
      ['slow', 2],
      ['reset', 2],
      ['partition', 1],
    ] as const);
    if (how === 'blackhole') this.blackhole(when, 'feed', 'toClient');
    else if (how === 'slow') this.slow(when, 'feed', 'toClient', this.lags(0.3, 2));
    else if (how === 'reset') this.reset(when, 'feed');
    else this.partition(when, this.lags(0.3, 2), 'toClient');
  }
}
