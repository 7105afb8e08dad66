import { readUsageField, type UsageRecord } from '../usage';
import type { Layout } from './layout';
import type { Reads } from './reads';
import { unreadable } from './unavailable';

/** The fields and values of a hash, in whichever shape the client gives them: a flat list, a map or an object. */
function fieldsOf(reply: unknown): [unknown, unknown][] | null {
  if (reply instanceof Map) return [...reply];
  if (Array.isArray(reply)) {
    return Array.from({ length: reply.length / 2 }, (_, i) => [reply[2 * i], reply[2 * i + 1]]);
  }
  return typeof reply === 'object' && reply !== null ? Object.entries(reply) : null;
}

const WHOLE = /^\d{1,16}$/;

function decode(reply: unknown, where: string): UsageRecord | null {
  const fields = fieldsOf(reply);
  if (fields === null) throw unreadable(where);
  if (fields.length === 0) return null;
  const counts = new Map<string, number>();
  let lastUsedAt: number | null = null;
  for (const [field, value] of fields) {
    const isCount = readUsageField(String(field)) !== null;
    if (!isCount && field !== 'last') continue;
    if (!WHOLE.test(String(value))) throw unreadable(where, `the field ${field} is not a number`);
    if (isCount) counts.set(String(field), Number(value));
    else lastUsedAt = Number(value);
  }
  return { lastUsedAt, counts };
}

/** Reads how often keys have been used. All of a hash: naming 90 days' counters costs the server more than giving them. */
export function createReadUsage(reads: Reads, layout: Layout) {
  function readOne(id: string): Promise<UsageRecord | null> {
    const key = layout.usage(id);
    return reads.read({ name: 'hgetall', key, args: [], decode: (reply) => decode(reply, key) });
  }

  return async function readUsage(ids: readonly string[]): Promise<ReadonlyMap<string, UsageRecord>> {
    const records = await Promise.all(ids.map(readOne));
    const found = new Map<string, UsageRecord>();
    ids.forEach(function keep(id, i) {
      const record = records[i];
      if (record) found.set(id, record);
    });
    return found;
  };
}
