import type { AppProcess, Decision } from '../world/app-process';
import type { KeySlot } from '../world/keys';
import type { World } from '../world/world';
import { readStoredKey } from './ground-truth';

/** Milliseconds after the last fault within which everything works again. */
const BACK_IN_SERVICE = 2000;
/** Milliseconds between two rounds of requests. */
const INTERVAL = 20;

/**
 * Asks every process for every key until each is decided by the store, and once more when the data must be known everywhere. Each
 * decision must then be right.
 */
export class ServiceCheck {
  readonly #world: World;
  readonly #slots: readonly KeySlot[];
  /** Answers of the latest round that show that a process is not in service, and how many of its requests are not decided. */
  #problems: string[] = [];
  #open = 0;

  constructor(world: World, slots: readonly KeySlot[]) {
    this.#world = world;
    this.#slots = slots;
  }

  run(): void {
    const { kernel, plan } = this.#world;
    const limit = kernel.now + BACK_IN_SERVICE;
    // An older state may be used until then.
    const settledAt = kernel.now + 1.05 * plan.maxRevocationLag;
    for (;;) {
      const isFinal = kernel.now >= settledAt;
      this.#round();
      while (this.#open > 0 && kernel.now < limit) kernel.runUntil(kernel.now + 1);
      if (isFinal && this.#open === 0 && this.#problems.length === 0) return;
      if (kernel.now >= limit) break;
      const isWorking = this.#open === 0 && this.#problems.length === 0;
      kernel.runUntil(Math.min(limit, isWorking ? settledAt : kernel.now + INTERVAL));
    }
    if (this.#open > 0) this.#world.violate('not back in service', `${this.#open} requests are not decided`);
    for (const problem of this.#problems) this.#world.violate('not back in service', problem);
  }

  #round(): void {
    this.#problems = [];
    this.#open = 0;
    for (const process of this.#world.processes) {
      for (const slot of this.#slots) if (slot.token !== null) this.#ask(process, slot, slot.token);
    }
  }

  #ask(process: AppProcess, slot: KeySlot, token: string): void {
    const problems = this.#problems;
    this.#open += 1;
    process.loop.input(() => {
      process.verify(token, 'read').then((decision) => {
        if (problems !== this.#problems) return;
        this.#open -= 1;
        if (!decision.accepted && decision.code === 'store_unavailable')
          problems.push(`process ${process.index}: ${JSON.stringify(process.apiKeys.health())}`);
        else this.#compare(process, slot, decision);
      });
    });
  }

  #compare(process: AppProcess, { id, subject }: KeySlot, decision: Decision): void {
    const { plan, target, kernel } = this.#world;
    const since = kernel.now - 1.01 * plan.maxRevocationLag;
    // If nothing of the key has changed for a while, there is one right answer.
    if (id === null || subject.storedAt >= since || subject.changes.some(({ endedAt }) => endedAt >= since)) return;
    const stored = readStoredKey(target, id);
    const state = stored?.state;
    const isGood = state !== undefined && !state.isGone && !state.isDisabled && state.permissions.includes('read');
    if (decision.accepted === isGood) return;
    const found = `${JSON.stringify(decision)}, stored ${JSON.stringify(stored)}`;
    this.#world.violate('wrong after faults', `process ${process.index}, ${subject.name}: ${found}`);
  }
}
