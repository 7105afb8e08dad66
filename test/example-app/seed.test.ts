import { createPlatformKeys } from '../../example-app/api-keys';
import { createPlatformData } from '../../example-app/data/platform-data';
import { seed } from '../../example-app/seed';
import { type FakeClock, fakeClock } from '../support/clock';
import { OTHER_WORKSPACE, PROJECT, WORKSPACE } from './support';

let clock: FakeClock;
let apiKeys: ReturnType<typeof createPlatformKeys>;

beforeEach(() => {
  clock = fakeClock();
  apiKeys = createPlatformKeys({ clock });
});

const start = () => seed(apiKeys, clock.wall());
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function tokensThatWork(tokens: readonly string[]): Promise<boolean[]> {
  return Promise.all(tokens.map(async (token) => (await apiKeys.verify(token, { agentId: PROJECT })).ok));
}
const count = async (workspaceId: string) => (await apiKeys.keys.list({ workspaceId, limit: 200 })).keys.length;

test('the first start creates permanent keys and configures projects', async () => {
  const { first, keys, shortLived, earlier } = await start();
  expect([first, earlier]).toEqual([true, []]);
  const tokens = Object.values(keys).map(({ token }) => token);
  clock.advance(200 * 24 * HOUR);
  expect(await tokensThatWork(tokens)).toEqual([true, true, true, true]);
  expect(await tokensThatWork([shortLived.token])).toEqual([false]);
  const configured = await apiKeys.projects.list({ workspaceId: WORKSPACE });
  const known = new Set(createPlatformData().projects.map(({ id }) => id));
  for (const { projectId } of configured) expect(known).toContain(projectId);
  expect(new Set(configured.map(({ transcript }) => transcript))).toEqual(new Set([true, false]));
});

test('seeded keys have different scopes', async () => {
  const { keys } = await start();
  expect(keys.oneAgent).toMatchObject({ agents: 'PROJECT-58RP822I', permissions: ['conversations'] });
  expect(keys.noConversations.permissions).not.toContain('conversations');
  expect(keys.otherWorkspace.agents).toContain(OTHER_WORKSPACE);
});

test('a later start keeps keys and configurations and creates keys for a day', async () => {
  const one = await start();
  await apiKeys.projects.set('PROJECT-58RP822I', { transcript: false, metrics: [] }, { workspaceId: WORKSPACE });
  clock.advance(MINUTE);
  const two = await start();
  expect(two.first).toBe(false);
  expect(two.earlier.map(({ name }) => name).toSorted()).toEqual(['Everything', 'No conversations', 'One agent only']);
  expect(JSON.stringify(two.earlier)).not.toContain(one.keys.everything.token);
  expect(await apiKeys.projects.get('PROJECT-58RP822I', { workspaceId: WORKSPACE })).toMatchObject({
    transcript: false,
  });
  const [first, second] = [one, two].map(({ keys }) => Object.values(keys).map(({ token }) => token));
  expect(await tokensThatWork([...first!, ...second!])).toEqual(Array(8).fill(true));
  clock.advance(25 * HOUR);
  expect(await tokensThatWork(first!)).toEqual(Array(4).fill(true));
  expect(await tokensThatWork(second!)).toEqual(Array(4).fill(false));
});

test('starts delete old keys of starts and no others', async () => {
  const { keys } = await start();
  const { token } = await apiKeys.keys.create({
    workspaceId: WORKSPACE,
    name: 'of a user',
    agents: 'all',
    permissions: ['handoff'],
  });
  const counts: number[] = [];
  for (let starts = 0; starts < 12; starts += 1) {
    clock.advance(HOUR);
    await start();
    counts.push((await count(WORKSPACE)) + (await count(OTHER_WORKSPACE)));
  }
  expect(Math.max(...counts)).toBeLessThanOrEqual(30);
  expect(counts.at(-1)).toBe(counts.at(-2));
  expect(await tokensThatWork([token, keys.everything.token])).toEqual([true, true]);
});

test('keys of the newest starts stay valid after another start', async () => {
  await start();
  clock.advance(MINUTE);
  const before = await start();
  clock.advance(MINUTE);
  await start();
  expect(await tokensThatWork(Object.values(before.keys).map(({ token }) => token))).toEqual(Array(4).fill(true));
});
