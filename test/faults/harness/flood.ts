import type { ApiKeys } from 'keyscope';
import { checksumOf } from '../../../src/token/checksum';
import { ID_LENGTH, SECRET_LENGTH, TAG_LENGTH, toBase62, workspaceTag } from '../../../src/token/format';
import type { Route } from '../checker/history';

export interface FloodResult {
  readonly sent: number;
  /** Number of responses by code; `accepted` must not occur. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Duration in milliseconds. */
  readonly took: number;
}

export interface FloodOrder {
  readonly workspaces: readonly string[];
  readonly perSecond: number;
  readonly milliseconds: number;
}

const INTERVAL = 5;
const SECRET = 'A'.repeat(SECRET_LENGTH);
/** Number of ids that a double represents exactly. */
const MAX_ID = 62 ** 8;

/** A well-formed token of a key that does not exist. Much cheaper to generate than a real one. */
function forge(workspace: string): string {
  const id = toBase62(Math.floor(Math.random() * MAX_ID), ID_LENGTH - TAG_LENGTH);
  const body = `ks_${workspaceTag(workspace)}${id}_${SECRET}`;
  return body + checksumOf(body);
}

/**
 * Sends well-formed tokens of keys that do not exist, all different, from within a process. Two cores cannot send 20,000
 * requests per second over HTTP; `verify` makes the same decision by the same cache. If the machine is too busy to send
 * some, they are not sent later: that would be a burst.
 */
export async function flood(
  apiKeys: ApiKeys<Route>,
  { workspaces, perSecond, milliseconds }: FloodOrder,
): Promise<FloodResult> {
  const outcomes: Record<string, number> = {};
  const began = performance.now();
  const perTick = (perSecond * INTERVAL) / 1000;
  let due = 0;
  let sent = 0;
  let unanswered = 0;

  async function attack(): Promise<void> {
    const token = forge(workspaces[sent % workspaces.length] ?? 'default');
    sent += 1;
    unanswered += 1;
    const verification = await apiKeys.verify(token, { permission: 'read' });
    unanswered -= 1;
    const outcome = verification.ok ? 'accepted' : verification.error.code;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }

  let last = began;
  await new Promise<void>((resolve, reject) => {
    const timer = setInterval(() => {
      const at = performance.now();
      due = Math.min(due + (perSecond * (at - last)) / 1000, 2 * perTick);
      last = at;
      const isOver = at - began >= milliseconds;
      for (; !isOver && due >= 1; due--) attack().catch(reject);
      if (!isOver || unanswered > 0) return;
      clearInterval(timer);
      resolve();
    }, INTERVAL);
  });
  return { sent, outcomes, took: performance.now() - began };
}
