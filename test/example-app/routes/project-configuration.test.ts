import request from 'supertest';
import { createPlatform, envelope, PROJECT, V3, WORKSPACE } from '../support';

const PASSWORD = 'correct-horse';
let platform: Awaited<ReturnType<typeof createPlatform>>;

beforeEach(async () => {
  platform = await createPlatform({ operatorPassword: PASSWORD });
});

function put(features: unknown, password: string | null = PASSWORD, project = PROJECT) {
  const test = request(platform.app).put(`/example/projects/${project}/configuration`);
  return (password === null ? test : test.set('x-operator-password', password)).send(features as object);
}

test('the operator changes what a project has enabled, and the next response shows it', async () => {
  const token = await platform.mint();
  expect((await platform.get(V3, token)).body.conversations[0].turns).not.toEqual([]);
  const { body } = await put({ transcript: false, metrics: ['CSAT_SCORE'] }).expect(200);
  expect(body).toEqual({ project_id: PROJECT, transcript: false, metrics: ['CSAT_SCORE'] });
  const [first] = (await platform.get(V3, token)).body.conversations;
  expect([first.turns, Object.keys(first.metrics)]).toEqual([[], ['CSAT_SCORE']]);
  await put({ transcript: true, metrics: 'all' }, PASSWORD, 'acme-team-4').expect(200);
  expect((await platform.get(V3, token)).body.conversations[0].turns).not.toEqual([]);
});

test('nobody else does, and no key is a substitute for the password', async () => {
  for (const password of [
    null,
    '',
    'correct-hors',

    `${PASSWORD}${PASSWORD}`,
    await platform.mint(),
  ]) {
    const test = put({ transcript: false, metrics: [] }, password).set('x-api-key', await platform.mint());
    expect((await test.expect(401)).body).toEqual(envelope('OPERATOR_PASSWORD_REQUIRED'));
  }
  expect(await platform.apiKeys.projects.get(PROJECT, { workspaceId: WORKSPACE })).toMatchObject({ transcript: true });
});

test.each([
  [{ transcript: 'yes', metrics: [] }],
  [{ transcript: true }],
  [{ transcript: true, metrics: 'some' }],
  [{ transcript: true, metrics: [1] }],
  [{ transcript: true, metrics: [], metric: [] }],
  [{ transcript: true, metrics: [''] }],
  [[]],
])('%j is no configuration', async (features) => {
  expect((await put(features).expect(400)).body).toEqual(envelope('INVALID_REQUEST'));
});

test('a project that does not exist cannot be configured', async () => {
  expect((await put({ transcript: true, metrics: [] }, PASSWORD, 'nothing').expect(404)).body).toEqual(
    envelope('PROJECT_NOT_FOUND'),
  );
});

test('without a password there is no such way', async () => {
  platform = await createPlatform();
  await put({ transcript: true, metrics: [] }, '').expect(404);
});
