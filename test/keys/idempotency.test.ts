import { tagOf, workspaceTag } from '../../src/token/format';
import { deriveId } from '../../src/token/generate';
import { refusal, refusedPaths, setup, valid } from './setup';

const idempotencyKey = '0b9f4c1e-5a52-4a53-9d0e-7f6f3a4b2c11';

describe('a key made with an idempotency key', () => {
  test('a key with an idempotency key is created once by concurrent calls and by two processes', async () => {
    const one = setup();
    const other = setup({ store: one.store });
    const calls = [one, one, other, other].map(({ keys }) => keys.create(valid, { actor: 'admin', idempotencyKey }));
    const settled = await Promise.allSettled(calls);
    const made = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(made).toHaveLength(1);
    for (const result of settled) {
      if (result.status === 'fulfilled') continue;
      expect(result.reason).toMatchObject({ code: 'conflict', status: 409 });
      expect(result.reason.message).toContain(made[0]?.key.id);
      expect(result.reason.message).not.toContain(made[0]?.token.slice(-38));
    }
    expect((await one.keys.list()).keys.map(({ id }) => id)).toEqual([made[0]?.key.id]);
  });

  test('the id follows from idempotency key, workspace and actor, and the token does not', async () => {
    const one = await setup().keys.create(valid, { actor: 'admin', idempotencyKey });
    const same = await setup().keys.create(valid, { actor: 'admin', idempotencyKey });
    expect(same.key.id).toBe(one.key.id);
    expect(same.token).not.toBe(one.token);

    const { keys } = setup();
    const ids = [
      one.key.id,
      (await keys.create(valid, { actor: 'second', idempotencyKey })).key.id,
      (await keys.create(valid, { idempotencyKey })).key.id,
      (await keys.create(valid, { actor: 'admin', idempotencyKey, workspaceId: 'acme' })).key.id,
      (await keys.create(valid, { actor: 'admin', idempotencyKey: `${idempotencyKey}0` })).key.id,
      (await keys.create(valid, { actor: 'admin' })).key.id,
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('a key with an idempotency key can be created again when it has been deleted', async () => {
    const { keys } = setup();
    const first = await keys.create(valid, { idempotencyKey });
    await keys.delete(first.key.id);
    const second = await keys.create(valid, { idempotencyKey });
    expect(second.key.id).toBe(first.key.id);
    expect(second.token).not.toBe(first.token);
  });

  test.each(['', 'two words', 'ü', 'x'.repeat(256), 7, null])(
    'keys.create rejects the idempotency key %p',
    async (given) => {
      const context = { idempotencyKey: given as string };
      expect(await refusedPaths(setup().keys.create(valid, context))).toEqual(['idempotencyKey']);
      expect((await refusal(setup().keys.create(valid, context))).message).toContain('visible ASCII');
    },
  );
});

test('a derived id belongs to its workspace, and parts are not run together', () => {
  expect(tagOf(deriveId('acme', ['a']))).toBe(workspaceTag('acme'));
  expect(deriveId('acme', ['a', 'b'])).toBe(deriveId('acme', ['a', 'b']));
  expect(deriveId('acme', ['ab'])).not.toBe(deriveId('acme', ['a', 'b']));
  expect(deriveId('acme', ['a', null])).not.toBe(deriveId('acme', ['a', 'null']));
});
