import type { UsageOutcome } from '../../src/store/usage-store';
import { expresses } from '../support/express-versions';
import { DAY, EVE, NOW, setup, valid } from './setup';

describe.each(expresses)('on %s', (_name, express) => {
  async function made() {
    const world = setup(express);
    const { id } = (await world.as().post('/keys').send(valid).expect(201)).body.key as { id: string };
    const count = (outcome: UsageOutcome, times = 1) => {
      for (let i = 0; i < times; i++)
        world.recorder.count({ record: { id }, counters: null }, outcome, world.clock.wall());
    };
    return { ...world, id, count };
  }

  test('GET /keys/:id/usage says how often a key was used, day by day, up to today', async () => {
    const { as, clock, count, id } = await made();
    count('allowed', 3);
    count('permission_denied', 2);
    clock.advance(2 * DAY + 90_000);
    count('allowed');
    count('expired_key');
    count('disabled_key');
    const { body } = await as().get(`/keys/${id}/usage?days=4`).expect(200);
    const nothing = { allowed: 0, denied: 0, reasons: {} };
    expect(body).toEqual({
      keyId: id,
      lastUsedAt: new Date(NOW + 2 * DAY + 60_000).toISOString(),
      days: [
        { date: '2029-12-31', ...nothing },
        { date: '2030-01-01', allowed: 3, denied: 2, reasons: { permission_denied: 2 } },
        { date: '2030-01-02', ...nothing },
        { date: '2030-01-03', allowed: 1, denied: 2, reasons: { expired_key: 1, disabled_key: 1 } },
      ],
    });
    const { days } = (await as().get(`/keys/${id}/usage`).expect(200)).body;
    expect(days).toHaveLength(30);
    expect(days.at(-1)).toEqual(body.days.at(-1));
  });

  test('a key that was never used has days without requests', async () => {
    const { as, id } = await made();
    const { body } = await as().get(`/keys/${id}/usage?days=90`).expect(200);
    expect(body.lastUsedAt).toBeNull();
    expect(body.days).toHaveLength(90);
    expect(body.days[0]).toEqual({ date: '2029-10-04', allowed: 0, denied: 0, reasons: {} });
  });

  test("another workspace's key answers as one that does not exist", async () => {
    const { as, id, count } = await made();
    count('allowed');
    const other = await as(EVE).get(`/keys/${id}/usage`).expect(404);
    const none = await as(EVE).get('/keys/0000000000000000/usage').expect(404);
    expect(other.body).toEqual({ ...none.body, detail: none.body.detail.replace('0000000000000000', id) });
    expect((await as(EVE).get(`/usage?keys=${id}`).expect(200)).body).toEqual({ usage: [] });
    await as(null).get(`/keys/${id}/usage`).expect(401);
    await as(null).get(`/usage?keys=${id}`).expect(401);
  });

  test('GET /usage returns several keys in the order of the request', async () => {
    const { as, id, count } = await made();
    const second = (await as().post('/keys').send(valid).expect(201)).body.key.id;
    const evils = (await as(EVE).post('/keys').send(valid).expect(201)).body.key.id;
    count('allowed', 5);
    const query = ['0000000000000000', second, 'nonsense', evils, id, second].join(',');
    const { usage } = (
      await as()
        .get(`/usage?keys=${encodeURIComponent(query)}&days=1`)
        .expect(200)
    ).body;
    expect(usage).toMatchObject([
      { keyId: second, lastUsedAt: null, days: [{ allowed: 0 }] },
      { keyId: id, lastUsedAt: new Date(NOW).toISOString(), days: [{ date: '2030-01-01', allowed: 5 }] },
    ]);
    const [whole] = (await as().get(`/usage?keys=${id}`).expect(200)).body.usage;
    expect(whole).toEqual((await as().get(`/keys/${id}/usage`).expect(200)).body);
  });

  test.each([
    ['/usage', 'keys'],
    ['/usage?keys=', 'keys'],
    [`/usage?keys=${'0000000000000000,'.repeat(200)}0000000000000000`, 'keys'],
    ['/usage?keys=0000000000000000&days=0', 'days'],
    ['/usage?keys=0000000000000000&days=91', 'days'],
    ['/usage?keys=0000000000000000&days=soon', 'days'],
    ['/usage?keys=0000000000000000&keys=0000000000000000', 'keys'],
  ])('%.60s is refused', async (url, path) => {
    const { body } = await setup(express).as().get(url).expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', issues: [{ path }] });
  });

  test('200 keys can be asked for at once', async () => {
    const { as } = setup(express);
    const ids = Array.from({ length: 200 }, (_, i) => String(i).padStart(16, '0'));
    expect((await as().get(`/usage?keys=${ids}`).expect(200)).body).toEqual({ usage: [] });
  });

  test('usage of a deleted key responds 404', async () => {
    const { as, id, count } = await made();
    count('allowed');
    await as().get(`/keys/${id}/usage`).expect(200);
    await as().delete(`/keys/${id}`).expect(204);
    count('allowed');
    await as().get(`/keys/${id}/usage`).expect(404);
    expect((await as().get(`/usage?keys=${id}`).expect(200)).body).toEqual({ usage: [] });
  });
});
