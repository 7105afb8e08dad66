import type { SimulatedSocket } from '../client/socket';
import { detectionTime, durationOf } from '../plans/duration';
import type { SocketChoice, Step } from '../plans/plan';
import type { RedisServer } from '../redis/server';
import { copyKeyspace, emptyKeyspace, type Keyspace } from '../redis/values';
import type { Keys } from './keys';
import type { Traffic } from './traffic';
import type { World } from './world';

type StepOf<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>;

/** Takes the steps of a schedule: requests, changes, and faults, which it injects and removes. */
export class StepRunner {
  readonly #world: World;
  readonly #keys: Keys;
  readonly #traffic: Traffic;
  #isOver = false;
  /** Data of a while ago, as a snapshot on disk has them. */
  #older: Keyspace | null = null;
  /** Faults that leave a process with a dead connection. */
  readonly #blackholes: { readonly process: number; readonly from: number }[] = [];

  constructor(world: World, keys: Keys, traffic: Traffic) {
    this.#world = world;
    this.#keys = keys;
    this.#traffic = traffic;
  }

  /** Schedules a step. */
  plan(step: Step): void {
    const { kernel, moments, startedAt } = this.#world;
    const { on, at } = step;
    if (on === undefined) {
      kernel.at(startedAt + Math.max(0, at), () => this.run(step));
      if (this.#world.plan.aim?.isPatient) this.#world.keepUntil(startedAt + at + 1);
    } else moments.arm(on, () => kernel.after(Math.max(0, at), () => this.run(step)));
  }

  /** Keeps the present data, to be gone back to by a restart. */
  takeSnapshot(): void {
    this.#older = copyKeyspace(this.#world.target.keyspace);
  }

  /** No step is taken any more. */
  stop(): void {
    this.#isOver = true;
  }

  run(step: Step): void {
    if (this.#isOver) return;
    const { kernel, processes, servers, target } = this.#world;
    this.#world.log(() => `* ${JSON.stringify(step)}`);
    this.#world.faultsEndAt = Math.max(this.#world.faultsEndAt, kernel.now + durationOf(step, this.#world.plan));
    if (step.kind !== 'blackhole') this.#world.keepUntil(this.#world.faultsEndAt);
    switch (step.kind) {
      case 'request':
        this.#traffic.send(step);
        break;
      case 'slow':
        for (const socket of this.#sockets(step.process, step.which)) socket.slow(step.direction, step.duration);
        break;
      case 'change':
        this.#keys.change(step.process, step.key, step.change);
        break;
      case 'configure':
        this.#keys.configure(step.process, step.transcript);
        break;
      case 'partition':
        this.#partition(step);
        break;
      case 'reset':
        for (const socket of this.#sockets(step.process, step.which)) {
          if (step.clientOnly) socket.resetClientSide();
          else socket.reset();
        }
        break;
      case 'blackhole':
        this.#blackholes.push({ process: step.process, from: kernel.now });
        for (const socket of this.#sockets(step.process, step.which)) {
          if (!socket.isConnecting) socket.blackhole(step.direction);
        }
        break;
      case 'freeze':
        servers[step.server]!.freeze(step.duration);
        break;
      case 'restart':
        this.#restart(step);
        break;
      case 'failover':
        this.#failOver(step);
        break;
      case 'flip':
        this.#flip(step);
        break;
      case 'stall':
        this.#stall(step);
        break;
      case 'swap':
        this.#swap(target);
        kernel.after(step.duration, () => {
          if (target.role === 'master' && target === this.#world.target) this.#swap(target);
        });
        break;
      case 'flush':
        target.flush(null);
        target.scheduleTurn();
        this.#keys.dataReplaced(target);
        break;
      case 'block':
        if (step.withInput) processes[step.process]!.loop.blockWithNextInput(step.duration);
        else processes[step.process]!.loop.block(step.duration);
        break;
      case 'suspend':
        processes[step.process]!.loop.suspend(step.duration);
        break;
      case 'clock':
        processes[step.process]!.loop.stepWallClock(step.by);
        break;
    }
  }

  /** When all faults so far have ended. A paused process does not notice that a connection is dead. */
  get faultsEndAt(): number {
    const { faultsEndAt, plan, processes } = this.#world;
    const ends = this.#blackholes.map(({ process, from }) => {
      let end = from + detectionTime(plan.maxRevocationLag);
      for (const block of processes[process]!.loop.blocks) {
        if (block.to > from && block.from < end) end += block.to - Math.max(block.from, from);
      }
      return end;
    });
    return Math.max(faultsEndAt, ...ends);
  }

  #sockets(process: number, which: SocketChoice): SimulatedSocket[] {
    const all = [...this.#world.network.sockets].filter((socket) => socket.processIndex === process);
    return all.filter(({ role }) => which === 'all' || role === which);
  }

  #partition({ process, server, direction, duration }: StepOf<'partition'>): void {
    const { network, servers, kernel } = this.#world;
    const to = servers[server]!;
    const link = network.link(process, to);
    if (direction !== 'toClient') link.toServer = true;
    if (direction !== 'toServer') link.toClient = true;
    kernel.after(duration, () => network.heal(process, to));
  }

  #restart({ duration, data, silently }: StepOf<'restart'>): void {
    const { kernel, target, network } = this.#world;
    // A restart that begins during another would exchange the data of a running server at its end.
    if (!target.isUp) return;
    const kept = copyKeyspace(target.keyspace);
    const keyspace = data === 'kept' ? kept : data === 'older' ? (this.#older ?? kept) : emptyKeyspace();
    // A machine that loses its power closes no connection. Once it runs again, it resets those that it does not know.
    const sockets = silently ? [...network.sockets].filter(({ server }) => server === target) : [];
    for (const socket of sockets) socket.blackhole('both');
    target.stop();
    kernel.after(duration, () => {
      for (const socket of sockets) socket.restore();
      target.start(keyspace);
      for (const link of [...target.replicas]) link.replica.follow(target);
      if (target === this.#world.target) this.#keys.dataReplaced(target);
    });
  }

  #failOver({ old, delay, resets }: StepOf<'failover'>): void {
    const { kernel, network, target: former, otherServer: next } = this.#world;
    if (former === next || !former.isUp || !next.isUp || former.role !== 'master') return;
    if (old === 'stopped') former.stop();
    next.promote();
    if (old === 'demoted') former.follow(next);
    this.#world.target = next;
    this.#keys.dataReplaced(next, true);
    // The address leads to the old server for a while.
    for (const { index } of this.#world.processes) this.#world.flipped.add(index);
    kernel.after(delay, () => {
      this.#world.flipped.clear();
      if (resets) for (const socket of network.sockets) if (socket.server === former) socket.reset();
      if (old === 'stopped') {
        former.start(emptyKeyspace());
        former.follow(next);
      }
    });
  }

  #flip({ process, which, duration }: StepOf<'flip'>): void {
    const { kernel, flipped } = this.#world;
    flipped.add(process);
    for (const socket of this.#sockets(process, which)) socket.reset();
    kernel.after(duration, () => {
      flipped.delete(process);
      for (const socket of this.#sockets(process, which)) if (socket.server !== this.#world.target) socket.reset();
    });
  }

  #stall({ duration }: StepOf<'stall'>): void {
    const link = this.#world.otherServer.source;
    if (link === null) return;
    link.isStalled = true;
    this.#world.kernel.after(duration, () => link.resume());
  }

  #swap(server: RedisServer): void {
    if (!server.isUp) return;
    server.swap(0, 1);
    server.scheduleTurn();
    this.#keys.dataReplaced(server);
  }
}
