import { conversations, conversationWith, createPlatform, OTHER_PROJECT, PROJECT, WORKSPACE } from '../support';

let platform: Awaited<ReturnType<typeof createPlatform>>;
let token: string;

beforeAll(async () => {
  platform = await createPlatform();
  token = await platform.mint(['handoff']);
});

const path = `/v1/${WORKSPACE}/${PROJECT}/handoff_state`;
const sharedIdOf = (id: string) => conversations.facts(conversations.positionOf(id)!).sharedId;
const shared = conversationWith(({ id }) => sharedIdOf(id) !== null);
const unshared = conversationWith(({ id, handoff }) => handoff && sharedIdOf(id) === null);
const kept = conversationWith(({ handoff }) => !handoff);

test('a handoff is found by the id and the shared id of its conversation', async () => {
  const byId = await platform.get(`${path}?id=${shared.id}`, token).expect(200);
  expect(byId.body).toEqual({ id: shared.id, shared_id: sharedIdOf(shared.id), data: expect.any(Object) });
  const byShared = await platform.get(`${path}?shared_id=${sharedIdOf(shared.id)}`, token).expect(200);
  expect(byShared.body).toEqual(byId.body);
});

test('the shared id wins, also when it is unknown', async () => {
  const { body } = await platform
    .get(`${path}?id=${unshared.id}&shared_id=${sharedIdOf(shared.id)}`, token)
    .expect(200);
  expect(body.id).toBe(shared.id);
  await platform.get(`${path}?id=${unshared.id}&shared_id=nothing`, token).expect(404);
});

test('a handoff that was not shared has no shared id', async () => {
  const { body } = await platform.get(`${path}?id=${unshared.id}`, token).expect(200);
  expect(Object.keys(body)).toEqual(['id', 'data']);
});

test('a conversation without a handoff, or that does not exist, is not found', async () => {
  for (const id of [kept.id, 'CA00000000000000000000000000000000']) {
    const { body } = await platform.get(`${path}?id=${id}`, token).expect(404);
    expect(body).toEqual({ error_message: expect.any(String) });
  }
});

test.each(['', '?id=', '?id=a&id=b', '?shared_id=a&shared_id=b'])('%j names no conversation', async (query) => {
  const { body } = await platform.get(path + query, token).expect(400);
  expect(body).toEqual({ error_message: expect.any(String) });
});

test('errors have the shape of this API and keep WWW-Authenticate', async () => {
  const missing = await platform
    .get(path)
    .expect(401)
    .expect('www-authenticate', /^ApiKey /);
  expect(missing.body).toEqual({ error_message: expect.any(String) });
  const wrong = await platform.get(path, await platform.mint(['conversations'])).expect(403);
  expect(wrong.body).toEqual({ error_message: expect.stringContaining('handoff') });
  const elsewhere = await platform
    .get(`/v1/${WORKSPACE}/${OTHER_PROJECT}/handoff_state?id=${shared.id}`, token)
    .expect(404);
  expect(elsewhere.body).toEqual({ error_message: expect.any(String) });
});
