import { createApiKeys } from 'keyscope';

const DAY = 86_400_000;

afterEach(() => {
  jest.useRealTimers();
});

async function setUp() {
  // Before the fake timers, as in an app that a test file imports.
  const apiKeys = createApiKeys({ permissions: { read: { label: 'Read' } } });
  jest.useFakeTimers({ now: Date.parse('2031-05-01T00:00:00Z') });
  const { key, token } = await apiKeys.keys.create({
    name: 'k',
    agents: 'all',
    permissions: ['read'],
    expiresIn: '1d',
  });
  const verify = async () => {
    const result = await apiKeys.verify(token);
    return result.ok ? 'ok' : result.error.code;
  };
  return { apiKeys, key, verify };
}

test.each([
  ['setSystemTime', () => jest.setSystemTime(Date.now() + DAY)],
  ['advanceTimersByTime', () => jest.advanceTimersByTime(DAY)],
])("verify denies an expired key when Jest's %s moves the time, cached or not", async (_name, move) => {
  const { key, verify } = await setUp();
  expect(key.expiresAt.toISOString()).toBe('2031-05-02T00:00:00.000Z');
  expect(await verify()).toBe('ok');
  expect(await verify()).toBe('ok');
  move();
  expect(await verify()).toBe('expired_key');
});

test("usage counts on the day of Jest's fake timers", async () => {
  const { apiKeys, key, verify } = await setUp();
  await verify();
  jest.advanceTimersByTime(DAY);
  await verify();
  const { days } = await apiKeys.usage(key.id, { days: 2 });
  expect(days).toMatchObject([
    { date: '2031-05-01', allowed: 1, denied: 0 },
    { date: '2031-05-02', allowed: 0, denied: 1 },
  ]);
});
