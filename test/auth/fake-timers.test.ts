import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
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
  expect(key.expiresAt?.toISOString()).toBe('2031-05-02T00:00:00.000Z');
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

/** Denies an expired key when fake timers outside of Jest move the time. Prints the outcome before and after. */
const programWith = (fake: string, move: string) => `
const { createApiKeys } = require('./src');
const apiKeys = createApiKeys({ permissions: { read: { label: 'Read' } } });
${fake}
async function main() {
  const { token } = await apiKeys.keys.create({ name: 'k', permissions: ['read'], expiresIn: '1d' });
  const outcome = async () => { const result = await apiKeys.verify(token); return result.ok ? 'ok' : result.error.code; };
  const outcomes = [await outcome(), await outcome()];
  ${move};
  console.log([...outcomes, await outcome()].join());
}
main();`;

test.each([
  [
    'node:test',
    "const { timers } = require('node:test').mock; timers.enable({ apis: ['Date'] });",
    `timers.tick(${DAY})`,
  ],
  ['Sinon', "const clock = require('@sinonjs/fake-timers').install({ toFake: ['Date'] });", `clock.tick(${DAY})`],
  ['a replaced Date.now', 'const now = Date.now; let ahead = 0; Date.now = () => now() + ahead;', `ahead = ${DAY}`],
])('verify denies an expired key when fake timers of %s move the time', async (_name, fake, move) => {
  const args = ['--disable-warning=ExperimentalWarning', '--require', 'tsx/cjs', '--eval', programWith(fake, move)];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: path.join(__dirname, '../..') });
  expect({ stdout, stderr }).toEqual({ stdout: 'ok,ok,expired_key\n', stderr: '' });
});
