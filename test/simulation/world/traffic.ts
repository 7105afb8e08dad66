import type { Change, KeyState, Subject } from '../checks/history';
import type { RequestKind, Step } from '../plans/plan';
import type { AppProcess, Decision } from './app-process';
import type { KeySlot, Keys } from './keys';
import type { World } from './world';

/** Two machines' clocks run differently by up to 0.04 %, and a timer fires up to a millisecond late. */
const DRIFT = 0.0005;
const TIMER_SLACK = 4;
/** A step of a request that completes later than its deadline by less counts as in time (`Deadline`). Milliseconds. */
const DEADLINE_SLACK = 9;

type Permission = 'read' | 'write';
type RequestStep = Pick<Extract<Step, { kind: 'request' }>, 'process' | 'key' | 'how' | 'permission'>;
type Accepted = Extract<Decision, { accepted: true }>;

/** How much later than promised is still in order, because clocks differ. */
function allowanceOf(world: World): number {
  return world.plan.maxRevocationLag * (1 + DRIFT) + 0.01;
}

/** Milliseconds between two times in which a process did something. */
function awakeBetween(process: AppProcess, from: number, to: number): number {
  let asleep = 0;
  for (const block of process.loop.blocks) asleep += Math.max(0, Math.min(to, block.to) - Math.max(from, block.from));
  return to - from - asleep;
}

/** Sends requests to every process, and checks each decision at the time at which it is made. */
export class Traffic {
  readonly #world: World;
  readonly #slots: readonly KeySlot[];
  readonly #transcript: Subject<boolean>;
  #isOver = false;

  constructor(world: World, slots: readonly KeySlot[], transcript: Subject<boolean>) {
    this.#world = world;
    this.#slots = slots;
    this.#transcript = transcript;
  }

  start(): void {
    for (const process of this.#world.processes) for (const slot of this.#slots) this.#visit(process, slot);
  }

  stop(): void {
    this.#isOver = true;
  }

  /** Spells of requests for one key at one process, and spells without any, in which nothing is cached. */
  #visit(process: AppProcess, slot: KeySlot): void {
    const { kernel, random, plan } = this.#world;
    const lag = plan.maxRevocationLag;
    const spellEnd = kernel.now + lag * random.between(0.05, 3);
    const next = () => {
      if (this.#isOver) return;
      if (kernel.now > spellEnd) {
        kernel.after(lag * random.between(0.05, 2), () => this.#visit(process, slot));
        return;
      }
      process.loop.input(() => this.#requestAnything(process, slot));
      const interval = kernel.now < this.#world.startedAt + plan.calmAt ? plan.requestInterval : 0.25 * lag;
      kernel.after(interval * random.between(0.2, 2), next);
    };
    next();
  }

  /** Asks most processes for a key as soon as a change of it must have been noticed. */
  probe(keys: Keys): void {
    const { kernel, random, processes } = this.#world;
    keys.onSettled = (subject, { outcome }) => {
      if (outcome !== 'acknowledged') return;
      const key = this.#slots.findIndex((slot) => slot.subject === subject);
      const how = key < 0 ? 'transcript' : random.pick(['middleware', 'middleware', 'verify'] as const);
      for (const { index } of processes) {
        if (random.chance(0.15)) continue;
        const wait = allowanceOf(this.#world) + random.between(0.01, 0.3);
        kernel.after(wait, () => this.send({ process: index, key: Math.max(0, key), how, permission: 'read' }));
      }
    };
  }

  /** Sends one request. */
  send({ process, key, how, permission }: RequestStep): void {
    const { processes } = this.#world;
    const target = processes[process]!;
    target.loop.input(() => this.#request(target, this.#slots[key]!, how, permission));
  }

  #requestAnything(process: AppProcess, slot: KeySlot): void {
    const { random } = this.#world;
    const how = random.weighted<RequestKind>([
      ['middleware', 33],
      ['transcript', 35],
      ['verify', 29],
      ['stream', 3],
    ]);
    this.#request(process, slot, how, random.chance(0.8) ? 'read' : 'write');
  }

  #request(process: AppProcess, slot: KeySlot, how: RequestKind, permission: Permission): void {
    const { kernel } = this.#world;
    const { token, subject } = slot;
    if (token === null) return;
    const began = kernel.now;
    this.#world.pending += 1;
    const finish = (decision: Decision, req: object | null) => {
      this.#world.pending -= 1;
      this.#world.log(
        () => `  process ${process.index} decides ${how}: ${decision.accepted ? decision.shown : decision.code}`,
      );
      this.#checkWait(process, began, `a request for ${subject.name}`);
      this.#checkDecision(process, subject, permission, decision);
      if (!decision.accepted) return;
      if (req !== null && how === 'transcript') this.#requestTranscript(process, req);
      if (how === 'stream') this.#stream(process, subject, permission, decision);
    };
    if (how === 'verify') process.verify(token, permission).then((decision) => finish(decision, null));
    else process.request(token, permission, finish);
  }

  #requestTranscript(process: AppProcess, req: object): void {
    const began = this.#world.kernel.now;
    this.#world.pending += 1;
    process.requestTranscript(req, (code) => {
      this.#world.pending -= 1;
      this.#checkWait(process, began, 'a request for a transcript');
      if (code === null) this.#checkTranscript(process);
    });
  }

  /** A response that is sent piece by piece until it is over or its key's signal aborts. */
  #stream(process: AppProcess, subject: Subject<KeyState>, permission: Permission, { shown, signal }: Accepted) {
    const { kernel, random, plan } = this.#world;
    const aborts = signal();
    if (aborts === undefined) return;
    const endsAt = kernel.now + plan.maxRevocationLag * random.between(0.5, plan.aim === null ? 4 : 2);
    this.#world.keepUntil(endsAt);
    const timer = process.loop.setInterval(() => {
      if (aborts.aborted || kernel.now > endsAt || this.#isOver) {
        process.loop.clearTimer(timer);
        return;
      }
      this.#checkPiece(process, subject, permission, shown);
    }, plan.maxRevocationLag * random.between(0.02, 0.1));
  }

  #checkWait(process: AppProcess, began: number, what: string): void {
    const { kernel, plan } = this.#world;
    const waited = awakeBetween(process, began, kernel.now);
    // The deadline passed during a block, and the reply arrived in time but is used too late: the lease may have lapsed. A
    // denial would be wrong, and so is an acceptance, so the request is read once more, with a timeout of its own. A process
    // that runs at the deadline has no such excuse, whether or not it was blocked before.
    const deadline = began + plan.storeTimeout * (1 - DRIFT);
    const missedDeadline = process.loop.blocks.some(
      ({ from, to }) => from <= deadline + TIMER_SLACK && to > deadline + DEADLINE_SLACK,
    );
    if (waited > (missedDeadline ? 2 : 1) * plan.storeTimeout * (1 + DRIFT) + TIMER_SLACK)
      this.#world.violate('waited too long', `process ${process.index}: ${what} waited ${waited.toFixed(1)} ms`);
  }

  #checkDecision(process: AppProcess, subject: Subject<KeyState>, permission: Permission, decision: Decision): void {
    const { kernel } = this.#world;
    if (!decision.accepted) return;
    const change = subject.find(decision.shown);
    const where = `process ${process.index} accepted ${decision.shown}`;
    if (change === undefined || (change.outcome === 'refused' && !change.wasApplied)) {
      this.#world.violate('accepted what was never stored', where);
      return;
    }
    if (change.state.isDisabled || !change.state.permissions.includes(permission)) {
      this.#world.violate('accepted without permission', `${where} for ${permission}`);
      return;
    }
    const later = subject.supersededBy(change, kernel.now, allowanceOf(this.#world));
    if (later !== null) this.#world.violate('accepted too late', `${where}, ${this.#describe(later)}`);
  }

  #checkPiece(process: AppProcess, subject: Subject<KeyState>, permission: Permission, shown: string): void {
    const { kernel, plan } = this.#world;
    const opened = subject.find(shown)!;
    // Some state that is not too old must still allow the response.
    const allowed = [opened, ...subject.after(opened.rank)].some((change) => {
      const { state, outcome } = change;
      if (outcome === 'refused' || state.isGone || state.isDisabled || !state.permissions.includes(permission))
        return false;
      const slack = allowanceOf(this.#world) + TIMER_SLACK + 0.1 * plan.maxRevocationLag;
      return subject.supersededBy(change, kernel.now, slack) === null;
    });
    // After a pause the process reads the key again, for at most two checks of open responses.
    const lastBlock = process.loop.blocks.at(-1)?.to ?? 0;
    if (!allowed && kernel.now - lastBlock > 0.25 * plan.maxRevocationLag + TIMER_SLACK)
      this.#world.violate('sent too late', `process ${process.index} sends a response of ${shown}`);
  }

  #checkTranscript(process: AppProcess): void {
    const { kernel } = this.#world;
    const allowance = allowanceOf(this.#world);
    const isAllowed = this.#transcript.changes.some(
      (change) =>
        change.state &&
        (change.outcome !== 'refused' || change.wasApplied) &&
        this.#transcript.supersededBy(change, kernel.now, allowance) === null,
    );
    if (isAllowed) return;
    const last = this.#transcript.changes.findLast(({ outcome }) => outcome === 'acknowledged')!;
    this.#world.violate('accepted too late', `process ${process.index} sent a transcript, ${this.#describe(last)}`);
  }

  #describe(later: Change<unknown>): string {
    const since = this.#world.kernel.now - later.endedAt;
    return `${since.toFixed(1)} ms after version ${later.version} was acknowledged to process ${later.process}`;
  }
}
