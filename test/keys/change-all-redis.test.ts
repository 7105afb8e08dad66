import type { ApiKeys } from 'keyscope';
import { redisApps } from './redis-apps';
import { refusal } from './setup';

const ANA = { kind: 'user', id: 'ana' } as const;
/** More than two pages of keys. */
const MATCHING = 450;
const OTHERS = 45;

const { start } = redisApps();

/** Creates keys that match, and among them keys that do not. */
async function fill({ keys }: ApiKeys<'conversations'>): Promise<void> {
  const every = (MATCHING + OTHERS) / OTHERS;
  for (let first = 0; first < MATCHING + OTHERS; first += 55) {
    await Promise.all(
      Array.from({ length: 55 }, (_, i) =>
        keys.create({
          name: `key ${first + i}`,
          permissions: ['conversations'],
          owner: (first + i) % every === 0 ? null : ANA,
        }),
      ),
    );
  }
}

/** Targets of all audit entries of an action. */
async function targetsOf({ audit }: ApiKeys<'conversations'>, action: string): Promise<string[]> {
  const targets: string[] = [];
  for await (const entry of audit.export()) if (entry.action === action) targets.push(entry.target);
  return targets;
}

test('keys.revokeAll goes on in another process after an interruption, with one audit entry for each key', async () => {
  const first = start();
  await fill(first);
  expect(await first.keys.revokeAll({ owner: ANA }, { dryRun: true })).toMatchObject({ count: MATCHING, cursor: null });
  expect(await targetsOf(first, 'key.deleted')).toEqual([]);

  let deleted = 0;
  first.on('changed', () => {
    // In the second page.
    if (++deleted === 230) void first.close();
  });
  expect((await refusal(first.keys.revokeAll({ owner: ANA }))).code).toBe('store_unavailable');

  const second = start();
  const { keys: left, total } = await second.keys.list({ owner: ANA, limit: 1 });
  expect(left).toHaveLength(1);
  expect(await second.keys.revokeAll({ owner: ANA })).toMatchObject({ count: total - OTHERS, cursor: null });
  expect(await second.keys.list()).toMatchObject({ total: OTHERS });
  const targets = await targetsOf(second, 'key.deleted');
  expect(targets).toHaveLength(MATCHING);
  expect(new Set(targets).size).toBe(MATCHING);
});

test('keys.disableAll goes on at its cursor, with one audit entry for each key', async () => {
  const apiKeys = start();
  const { keys } = apiKeys;
  await fill(apiKeys);
  let count = 0;
  let cursor: string | null = null;
  let calls = 0;
  let enabled: string | undefined;
  do {
    const result = await keys.disableAll({ owner: ANA }, { limit: 170, ...(cursor !== null && { cursor }) });
    count += result.count;
    cursor = result.cursor;
    calls++;
    // A key before the cursor: it is not examined again.
    enabled ??= result.sample[0]!.id;
    await keys.update(enabled, { disabled: false });
  } while (cursor !== null);
  expect({ count, calls }).toEqual({ count: MATCHING, calls: 3 });
  const targets = await targetsOf(apiKeys, 'key.updated');
  // And the entry that enables it.
  expect(targets).toHaveLength(MATCHING + 1);
  expect(new Set(targets).size).toBe(MATCHING);
  expect(await keys.disableAll({ owner: ANA })).toMatchObject({ count: 1, sample: [{ id: enabled }] });
  expect((await keys.disableAll({ owner: ANA })).count).toBe(0);
});
