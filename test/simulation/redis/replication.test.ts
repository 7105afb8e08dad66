import { Kernel } from '../kernel/kernel';
import { Random } from '../kernel/random';
import { RedisServer } from './server';

const LAG = 50;

test('RedisServer keeps its replication lag when its master restarts', () => {
  const kernel = new Kernel();
  const random = new Random(1);
  const [master, replica] = [new RedisServer(kernel, random, 'A'), new RedisServer(kernel, random, 'B')];
  replica.replicationLag = LAG;
  replica.follow(master);
  kernel.runUntil(kernel.now + 2 * LAG);
  master.stop();
  master.start(master.keyspace);
  replica.follow(master);
  kernel.runUntil(kernel.now + 2 * LAG);
  master.runOnData(0, 'set', ['name', 'value']);
  kernel.runUntil(kernel.now + 0.99 * LAG);
  expect(replica.keyspace[0]!.has('name')).toBe(false);
  kernel.runUntil(kernel.now + 1.02 * LAG);
  expect(replica.keyspace[0]!.has('name')).toBe(true);
});
