import { emptyPlan } from '../plans/empty';
import { emptyKeyspace } from '../redis/values';
import type { Source } from './load-source';
import { World } from './world';

test('World replicates the initial data when it has a replica', () => {
  const data = emptyKeyspace();
  data[0]!.set('name', { value: { type: 'string', text: 'text' }, expiresAt: null });
  const plan = { ...emptyPlan(), processes: [], hasReplica: true };
  const { kernel, servers, otherServer } = new World(plan, null as unknown as Source, null, data);
  while (otherServer.source!.confirmedOffset < 0 && kernel.now < 100) kernel.runUntil(kernel.now + 1);
  expect(otherServer.source!.confirmedOffset).toBe(0);
  expect(servers.map(({ keyspace }) => keyspace)).toEqual([data, data]);
});
