import { Redis } from 'ioredis';
import { createRedisStore } from '../../src/store/redis';
import type { Store } from '../../src/store/store';
import { expresses } from '../support/express-versions';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { EVE, setup, valid } from './setup';

describe.each(expresses)('on Redis, on %s', (_name, express) => {
  let server: TestRedis;
  const opened: { store: Store; client: Redis }[] = [];

  /** One process of several. */
  async function join() {
    const client = new Redis(server.url);
    const store = createRedisStore({ client, namespace: server.namespace });
    opened.push({ store, client });
    await store.ready();
    return setup(express, { store });
  }

  beforeAll(async () => {
    server = await testRedis();
  });
  afterAll(async () => {
    for (const { store, client } of opened) {
      await store.close();
      client.disconnect();
    }
    await server.stop();
  });

  test('a key can be created, changed, rotated and deleted, and the audit log shows it', async () => {
    const { as, clock } = await join();
    const { key, token } = (await as().post('/keys').send(valid).expect(201)).body;
    expect((await as().get('/keys').expect(200)).body.keys).toEqual([key]);
    expect((await as().get(`/keys/${key.id}`).expect(200)).body).toEqual(key);
    clock.advance(1000);
    await as().patch(`/keys/${key.id}`).set('if-match', '"1"').send({ name: 'New' }).expect(200);
    await as().patch(`/keys/${key.id}`).set('if-match', '"1"').send({ name: 'Late' }).expect(412);
    await as(EVE).get(`/keys/${key.id}`).expect(404);
    const rotated = (await as().post(`/keys/${key.id}/rotate`).send({ overlap: '1d' }).expect(201)).body;
    expect(rotated.token).not.toBe(token);
    await as().delete(`/keys/${key.id}`).expect(204);
    await as().get(`/keys/${key.id}`).expect(404);
    await as()
      .put('/projects/p/configuration')
      .send({ transcript: true, metrics: ['A'] })
      .expect(200);
    expect((await as().get('/projects').expect(200)).body.projects).toMatchObject([{ projectId: 'p', metrics: ['A'] }]);
    await as().delete('/projects/p/configuration').expect(204);
    const { entries } = (await as().get('/audit').expect(200)).body;
    expect(entries.map(({ action }: { action: string }) => action)).toEqual([
      'project.cleared',
      'project.configured',
      'key.deleted',
      'key.rotated',
      'key.updated',
      'key.created',
    ]);
    expect(entries[3].after.expiresAt).toMatch(/^2030-01-02T/);
  });

  test('two processes that get one creation at the same time make one key', async () => {
    const processes = [await join(), await join()];
    const user = 'once/admin@once.test';
    const post = ({ as }: (typeof processes)[0]) => as(user).post('/keys').set('idempotency-key', 'k').send(valid);
    const answers = await Promise.all([...processes, ...processes].map(post));
    const statuses = answers.map(({ status }) => status).sort();
    // The process that made it repeats its answer; the other one says that it has been made.
    expect(statuses).toEqual([201, 201, 409, 409]);
    expect(new Set(answers.filter(({ status }) => status === 201).map(({ text }) => text)).size).toBe(1);
    expect((await processes[0]!.as(user).get('/keys').expect(200)).body.keys).toHaveLength(1);
  });
});
