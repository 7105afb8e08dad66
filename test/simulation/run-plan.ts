import type { Violation } from './checks/history';
import { ServiceCheck } from './checks/service';
import type { Plan } from './plans/plan';
import { Keys } from './world/keys';
import type { Source } from './world/load-source';
import { type PreparedData, prepareData } from './world/prepared-data';
import { StepRunner } from './world/step-runner';
import { Traffic } from './world/traffic';
import { World } from './world/world';

/** How long it may take until all processes are connected, before anything is broken. Milliseconds. */
const START = 3000;
/** Milliseconds of simulated time between two looks at whether something is over. */
const STEP = 5;

export interface Outcome {
  readonly violations: readonly Violation[];
  /** Happenings of simulated time. */
  readonly steps: number;
}

/** Runs schedules against one version of the package. All calls must be made outside of a microtask. */
export class Simulator {
  readonly #source: Source;
  #prepared: PreparedData | null = null;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Errors have no stack while it runs. */
  run(plan: Plan, log: string[] | null = null): Outcome {
    Error.stackTraceLimit = 0;
    this.#prepared ??= prepareData(this.#source);
    const schedule = new Schedule(new World(plan, this.#source, log, this.#prepared.keyspace), this.#prepared);
    return schedule.run();
  }
}

/** One run of one plan. */
class Schedule {
  readonly #world: World;
  readonly #keys: Keys;
  readonly #traffic: Traffic;
  readonly #steps: StepRunner;

  constructor(world: World, prepared: PreparedData) {
    this.#world = world;
    this.#keys = new Keys(world, prepared);
    this.#traffic = new Traffic(world, this.#keys.slots, this.#keys.transcript);
    this.#steps = new StepRunner(world, this.#keys, this.#traffic);
  }

  run(): Outcome {
    const world = this.#world;
    const { kernel, plan } = world;
    if (plan.aim?.isCold !== true) this.#connect();
    world.startedAt = kernel.now;
    this.#steps.takeSnapshot();
    if (plan.aim === null) this.#traffic.start();
    else if (plan.aim.probes) this.#traffic.probe(this.#keys);
    for (const step of plan.steps) this.#steps.plan(step);
    if (plan.aim === null) kernel.runUntil(world.startedAt + plan.calmAt);
    else this.#runWhileBusy();
    if (world.violations.length === 0) this.#finish();
    return { violations: world.violations, steps: kernel.steps };
  }

  /** The first request opens the invalidation feed. */
  #connect(): void {
    const { kernel, processes, random, plan } = this.#world;
    const { token } = this.#keys.slots[0]!;
    for (const process of processes) process.loop.input(() => void process.verify(token!, 'read'));
    const isConnected = () => processes.every((process) => /tracking|per-entry/.test(process.mode));
    for (let waited = 0; waited < START && !isConnected(); waited += STEP) kernel.runUntil(kernel.now + STEP);
    // Steps come at any time between two polls.
    kernel.runUntil(kernel.now + plan.maxRevocationLag * random.between(0.05, 0.55));
  }

  /** Until everything that a check needs has happened. */
  #runWhileBusy(): void {
    const world = this.#world;
    const { kernel, plan } = world;
    const last = world.startedAt + plan.calmAt;
    world.keepUntil(world.startedAt + plan.maxRevocationLag);
    while (kernel.now < Math.min(world.busyUntil, last) && world.violations.length === 0)
      kernel.runUntil(Math.min(kernel.now + STEP, world.busyUntil, last));
  }

  #finish(): void {
    const world = this.#world;
    const { kernel, plan, processes } = world;
    this.#steps.stop();
    world.network.isCalm = true;
    const asleepUntil = () => Math.max(...processes.map(({ loop }) => loop.blockedUntil));
    kernel.runUntil(Math.max(kernel.now, asleepUntil()));
    if (plan.aim === null || plan.aim.checksService) {
      kernel.runUntil(Math.max(kernel.now, this.#steps.faultsEndAt));
      // TCP adds to a fault that delays an attempt to connect.
      while (world.network.settlesAt > kernel.now) kernel.runUntil(world.network.settlesAt);
      new ServiceCheck(world, this.#keys.slots).run();
    }
    this.#traffic.stop();
    const timeouts = 3 * plan.storeTimeout + (plan.durability ?? 0);
    // Changes of one key come one after the other.
    const limit = () => Math.max(isCalmAt, asleepUntil(), world.changeBeganAt) + timeouts + 20;
    const isCalmAt = kernel.now;
    while (world.pending > 0 && kernel.now < limit()) kernel.runUntil(kernel.now + STEP);
    if (world.pending > 0) world.violate('never decided', `${world.pending} requests or changes have no outcome`);
  }
}
