import { isUsageField, type UsageRecord } from '../../usage-store';
import { unreadable } from '../errors';
import type { KeyNames } from '../key-names';
import type { BatchedReader } from './batched-reader';

/** Fields and values of a hash, in any shape in which the client returns them: a flat array, a map or an object. */
function* fieldsOf(reply: object): Generator<[field: string, value: unknown]> {
  if (Array.isArray(reply)) for (let i = 0; i < reply.length; i += 2) yield [String(reply[i]), reply[i + 1]];
  else if (reply instanceof Map) for (const [field, value] of reply) yield [String(field), value];
  else for (const field in reply) yield [field, (reply as Record<string, unknown>)[field]];
}

function decode(reply: unknown, since: string, where: string): UsageRecord | null {
  if (typeof reply !== 'object' || reply === null) throw unreadable(where);
  const counts = new Map<string, number>();
  let lastUsedAt: number | null = null;
  let isEmpty = true;

  function whole(field: string, value: unknown): number {
    const number = Number(value);
    if (Number.isSafeInteger(number) && number >= 0 && value !== '') return number;
    throw unreadable(where, `the field ${field} is not a number`);
  }

  for (const [field, value] of fieldsOf(reply)) {
    isEmpty = false;
    if (field === 'last') lastUsedAt = whole(field, value);
    else if (field >= since && isUsageField(field)) counts.set(field, whole(field, value));
  }
  return isEmpty ? null : { lastUsedAt, counts };
}

/**
 * Reads the usage of keys. It reads whole hashes: naming the counters of 90 days costs the server more than returning
 * them.
 */
export function createReadUsage(reader: BatchedReader, keyNames: KeyNames) {
  function readOne(id: string, since: string): Promise<UsageRecord | null> {
    const key = keyNames.usage(id);
    return reader.read({ name: 'hgetall', key, args: [], decode: (reply) => decode(reply, since, key) });
  }

  return async function readUsage(ids: readonly string[], since: string): Promise<ReadonlyMap<string, UsageRecord>> {
    const records = await Promise.all(ids.map((id) => readOne(id, since)));
    const found = new Map<string, UsageRecord>();
    ids.forEach(function keep(id, i) {
      const record = records[i];
      if (record) found.set(id, record);
    });
    return found;
  };
}
