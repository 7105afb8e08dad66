import type { Violation } from '../checks/history';
import { Moments } from '../client/moments';
import { Network } from '../client/network';
import { Kernel } from '../kernel/kernel';
import { Random } from '../kernel/random';
import type { Plan } from '../plans/plan';
import { RedisServer } from '../redis/server';
import { copyKeyspace, emptyKeyspace, type Keyspace } from '../redis/values';
import { AppProcess } from './app-process';
import type { Source } from './load-source';

/** The processes, servers and connections of one schedule, and what has been found wrong. */
export class World {
  readonly kernel = new Kernel();
  readonly random: Random;
  readonly network: Network;
  readonly servers: RedisServer[] = [];
  readonly processes: AppProcess[] = [];
  readonly moments = new Moments();
  readonly violations: Violation[] = [];
  /** Which server the address of Redis leads to. */
  target: RedisServer;
  /** Processes for which it leads elsewhere for a moment. */
  readonly flipped = new Set<number>();
  /** When steps begin to count. */
  startedAt = 0;
  /** Before this time, something that a check needs can still happen. */
  busyUntil = 0;
  /** When the last fault so far has ended. */
  faultsEndAt = 0;
  /** When the latest change was asked for. */
  changeBeganAt = 0;
  /** Requests and changes without an outcome. */
  pending = 0;
  readonly #log: string[] | null;

  constructor(
    readonly plan: Plan,
    source: Source,
    log: string[] | null,
    data: Keyspace = emptyKeyspace(),
  ) {
    this.#log = log;
    this.random = new Random(plan.seed, 2);
    const serverRandom = new Random(plan.seed, 3);
    const addServer = (name: string) => {
      const wallOffset = this.random.between(-50, 50);
      this.servers.push(new RedisServer(this.kernel, serverRandom, name, wallOffset, copyKeyspace(data)));
    };
    addServer('A');
    if (plan.hasReplica) {
      addServer('B');
      this.servers[1]!.follow(this.servers[0]!);
    }
    for (const server of this.servers) {
      server.policy = plan.policy;
      server.replicationLag = plan.replicationLag;
    }
    this.target = this.servers[0]!;
    this.network = new Network(this.kernel, new Random(plan.seed, 4), plan.network, (process) =>
      this.flipped.has(process) ? this.otherServer : this.target,
    );
    this.network.onConnection = (text) => this.log(text);
    this.network.onMoment = (process, kind, phase) => this.moments.note(process, kind, phase);
    plan.processes.forEach((_, index) => {
      const process = new AppProcess(index, this.kernel, this.network, plan, source);
      process.loop.onCrash = (error) => this.violate('crashed', String((error as Error).stack ?? error));
      process.apiKeys.on('store', (event) => this.log(() => `process ${index}: ${JSON.stringify(event)}`));
      this.processes.push(process);
    });
  }

  get otherServer(): RedisServer {
    return this.servers.find((server) => server !== this.target) ?? this.target;
  }

  keepUntil(time: number): void {
    this.busyUntil = Math.max(this.busyUntil, time);
  }

  violate(rule: Violation['rule'], detail: string): void {
    this.log(() => `VIOLATION ${rule}: ${detail}`);
    this.violations.push({ rule, at: this.kernel.now - this.startedAt, detail });
  }

  log(line: () => string): void {
    if (this.#log === null) return;
    this.#log.push(`${(this.kernel.now - this.startedAt).toFixed(2).padStart(9)}  ${line()}`);
  }
}
