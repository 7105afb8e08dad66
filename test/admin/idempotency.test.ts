import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import { type Deferred, deferred } from '../support/deferred';
import { expresses } from '../support/express-versions';
import { EVE, setup, valid } from './setup';

const KEY = '5f0b4c9e-8b1d-4c55-9a51-0d4c25d0f6f1';

describe.each(expresses)('Idempotency-Key on %s', (_name, express) => {
  const create = ({ as }: ReturnType<typeof setup>, key = KEY, body: object = valid, user?: string) =>
    as(user).post('/keys').set('idempotency-key', key).send(body);

  /** Services whose store answers each creation only when it is let go on. */
  function slowSetup() {
    const waiting: Deferred<void>[] = [];
    const inner = createMemoryStore();
    const store: Store = {
      ...inner,
      async createKey(...args) {
        const gate = deferred<void>();
        waiting.push(gate);
        await gate.promise;
        return inner.createKey(...args);
      },
    };
    return { ...setup(express, { store }), waiting };
  }

  test('a repeated creation gets the same answer, token and all, and makes no second key', async () => {
    const made = setup(express);
    const first = await create(made).expect(201);
    const second = await create(made).expect(201);
    expect(second.text).toBe(first.text);
    expect(second.headers).toMatchObject({ location: first.headers.location, etag: first.headers.etag });
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect((await made.keys.list({ workspaceId: 'acme' })).keys).toHaveLength(1);
    await create(made, `"${KEY}"`).expect(201, first.text);
  });

  test('a repeated rotation gets the first response', async () => {
    const { as, keys } = setup(express);
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    const rotate = () => as().post(`/keys/${key.id}/rotate`).set('idempotency-key', KEY).send({ overlap: '1d' });
    const first = await rotate().expect(201);
    expect((await rotate().expect(201)).text).toBe(first.text);
    expect((await keys.list({ workspaceId: 'acme' })).keys).toHaveLength(2);
  });

  test('a repetition while the first still runs waits for it', async () => {
    const made = slowSetup();
    const answers = [1, 2, 3].map(() => create(made).then((res) => res));
    while (made.waiting.length === 0) await new Promise(setImmediate);
    // The others arrive before the first is let go on.
    await made.as().get('/session');
    for (const gate of made.waiting) gate.resolve();
    const texts = (await Promise.all(answers)).map(({ status, text }) => `${status} ${text}`);
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toMatch(/^201 /);
    expect(made.waiting).toHaveLength(1);
  });

  test('the same key with another body is a mistake, done or still running', async () => {
    const made = slowSetup();
    const other = { ...valid, name: 'Other' };
    const first = create(made).then((res) => res);
    while (made.waiting.length === 0) await new Promise(setImmediate);
    expect((await create(made, KEY, other).expect(422)).body.code).toBe('idempotency_key_reused');
    made.waiting[0]?.resolve();
    expect((await first).status).toBe(201);
    expect((await create(made, KEY, other).expect(422)).body.code).toBe('idempotency_key_reused');
  });

  test('other keys, people and workspaces are other requests', async () => {
    const made = setup(express);
    const texts = [
      await create(made),
      await create(made, `${KEY}0`),
      await create(made, KEY, valid, 'acme/second@acme.test'),
      await create(made, KEY, valid, EVE),
      await create(made, KEY, valid, 'evil/admin@acme.test'),
      await made.as().post('/keys').send(valid),
      await made.as().post('/keys').send(valid),
    ].map(({ status, body }) => `${status} ${body.key.id}`);
    expect(new Set(texts).size).toBe(texts.length);
  });

  test('a failed request can be retried with its key', async () => {
    const made = setup(express);
    await create(made, KEY, { ...valid, name: '' }).expect(400);
    await create(made, KEY).expect(201);
  });

  test("a repeated creation responds 409 with the key's id after ten minutes and in another process", async () => {
    const made = setup(express);
    const first = await create(made).expect(201);
    made.clock.advance(9 * 60_000);
    await create(made).expect(201, first.text);
    const elsewhere = setup(express, { store: made.store });
    made.clock.advance(60_001);
    for (const process of [made, elsewhere]) {
      const res = await create(process).expect(409);
      expect(res.body).toMatchObject({ code: 'conflict', detail: expect.stringContaining(first.body.key.id) });
      expect(res.text).not.toContain(first.body.token);
    }
    expect((await made.keys.list({ workspaceId: 'acme' })).keys).toHaveLength(1);
  });

  test('cached responses are removed when the app closes', async () => {
    const made = setup(express);
    await create(made).expect(201);
    made.close();
    await create(made).expect(409);
  });

  test.each(['two words', 'x'.repeat(256), '', '"a"b"'.repeat(60)])('%j is no such key', async (key) => {
    const made = setup(express);
    expect((await create(made, key).expect(400)).body.detail).toContain('Idempotency-Key');
  });

  test('two Idempotency-Key headers respond 400', async () => {
    const { as } = setup(express);
    const made = as()
      .post('/keys')
      .set('idempotency-key', ['a', 'b'] as never);
    await made.send(valid).expect(400);
  });
});
