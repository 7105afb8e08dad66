import type { RedisServer } from '../redis/server';
import type { World } from '../world/world';
import { type Change, GONE, type KeyState, type Subject } from './history';

/** A key as a server stores it; null if there is none. */
export interface StoredKey {
  readonly id: string;
  readonly label: string;
  readonly state: KeyState;
}

const KEY = /^keyscope:key:\{[^}]*\}(.+)$/;

export function readStoredKeys(server: RedisServer): StoredKey[] {
  const found: StoredKey[] = [];
  for (const [name, { value }] of server.keyspace[0]!) {
    const id = KEY.exec(name)?.[1];
    if (id === undefined || value.type !== 'hash') continue;
    const { fields } = value;
    const isRotated = (fields.get('rotatedTo') ?? 'null') !== 'null';
    const permissions = JSON.parse(fields.get('permissions') ?? '[]') as string[];
    const state = isRotated ? GONE : { isGone: false, isDisabled: fields.get('disabled') === 'true', permissions };
    found.push({ id, label: fields.get('name') ?? '', state });
  }
  return found;
}

export function readStoredKey(server: RedisServer, id: string): StoredKey | null {
  return readStoredKeys(server).find((stored) => stored.id === id) ?? null;
}

/** Whether a project's transcript is enabled in a server's data. */
export function readStoredTranscript(server: RedisServer): boolean {
  for (const [name, { value }] of server.keyspace[0]!) {
    if (!name.startsWith('keyscope:projects:') || value.type !== 'hash') continue;
    for (const text of value.fields.values()) {
      const stored = JSON.parse(text) as {
        projectId: string;
        transcript?: boolean;
        features?: { transcript?: boolean };
      };
      if (stored.projectId === 'p') return (stored.transcript ?? stored.features?.transcript) === true;
    }
  }
  return false;
}

/** Two machines' clocks differ by up to 0.05 % in one schedule, and each rounds to a millisecond. */
const SLACK = 3;

/**
 * A change is applied before its deadline, or never. Whether its caller was told before does not matter: a lost connection
 * is reported at once, and the change can still be on its way. The deadline is one timeout after the call, because the
 * server has its own clock for it. It moves only while a machine is suspended, whose monotonic clock then stands still. A
 * rotation reads its key first, and its timeout begins after that read, however long the process was blocked.
 */
export function checkDeadline<State>(world: World, subject: Subject<State>, change: Change<State>): void {
  const { kernel, plan, processes } = world;
  if (change.process < 0 || change.wasApplied) return;
  const timeout = plan.durability === null ? plan.storeTimeout : 2 * plan.storeTimeout + plan.durability;
  const isRotation = change.label === ROTATED;
  const { blocks, suspensions } = processes[change.process]!.loop;
  const pauses = timeIn(isRotation ? blocks : suspensions, change.askedAt, kernel.now);
  const deadline = change.askedAt + (timeout + (isRotation ? plan.storeTimeout : 0)) * 1.0005 + pauses;
  const late = kernel.now - deadline - SLACK;
  if (late > 0)
    world.violate(
      'applied after its deadline',
      `${subject.name}: version ${change.version}, ${late.toFixed(1)} ms late`,
    );
}

/** Milliseconds of these spans between two times. */
function timeIn(spans: readonly { from: number; to: number }[], from: number, to: number): number {
  return spans.reduce((sum, span) => sum + Math.max(0, Math.min(to, span.to) - Math.max(from, span.from)), 0);
}

/** After a failover: a change that was acknowledged had been confirmed by the replica. */
export function checkDurability(world: World, subject: Subject<KeyState>): void {
  const lost = subject.changes.find(
    ({ outcome, lostAt, process }) => outcome === 'acknowledged' && process >= 0 && lostAt === world.kernel.now,
  );
  if (lost !== undefined)
    world.violate('acknowledged and lost', `${subject.name}: version ${lost.version} is not on the new master`);
}

/** Labels of changes that leave no record, or one that was replaced. */
export const DELETED = '#deleted';
export const ROTATED = '#rotated';

/**
 * Compares a key's data on the master with its changes, after each command that wrote to it: states come in the order in
 * which they were asked for, and each once.
 */
export function checkStored(world: World, subject: Subject<KeyState>, stored: StoredKey | null): void {
  const label = stored === null ? DELETED : stored.state.isGone ? ROTATED : stored.label;
  if (stored?.state.isGone) {
    // A rotated key can be edited; it stays gone.
    for (const edit of subject.candidates(stored.label)) if (edit.outcome === 'pending') edit.wasApplied = true;
  }
  const candidates = subject.candidates(label);
  const found = candidates.at(-1);
  if (found === undefined || found.version === subject.applied) return;
  const later = subject.overtaken(found);
  // A failover put an older state in place while this change was under way.
  const isInOrder = later.every(({ process }) => process < 0) && (later.length === 0 || found.outcome !== 'refused');
  if (!isInOrder) {
    const rule = subject.changes[subject.applied]!.state.isGone ? 'resurrected' : 'applied too late';
    world.violate(rule, `${subject.name}: version ${found.version} was stored after version ${subject.applied}`);
  }
  if (candidates.length === 1) checkDeadline(world, subject, found);
  for (const candidate of candidates) {
    candidate.wasApplied = true;
    candidate.isAmbiguous = candidates.length > 1;
  }
  subject.apply(found);
  subject.storedAt = world.kernel.now;
}
