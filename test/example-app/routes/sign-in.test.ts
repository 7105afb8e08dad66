import request from 'supertest';
import { createPlatform, OTHER_PROJECT, PROJECT, V3, WORKSPACE } from '../support';

const PASSWORD = 'correct-horse';
const SESSION = '/admin/api-keys/session';
const CONFIGURATION = `/admin/api-keys/projects/${PROJECT}/configuration`;
let platform: Awaited<ReturnType<typeof createPlatform>>;

beforeEach(async () => {
  platform = await createPlatform({ operatorPassword: PASSWORD, exampleUrl: () => 'http://127.0.0.1:3000/v1/agents' });
});

/** A browser: it keeps its cookies. */
function browser() {
  return request.agent(platform.app);
}

test('the printed link signs in and redirects to the console', async () => {
  const visitor = browser();
  await visitor.get(SESSION).expect(401);
  const { headers } = await visitor.get(`/sign-in?password=${PASSWORD}`).expect(303);
  expect(headers.location).toBe('/admin/api-keys/');
  expect(headers['set-cookie']?.[0]).toMatch(/^operator=\S{32}; Path=\/; HttpOnly; SameSite=Lax$/);
  expect((await visitor.get(SESSION).expect(200)).body).toMatchObject({
    workspaceId: WORKSPACE,
    actor: 'operator@acme-uk.example',
    readOnly: false,
    exampleUrl: 'http://127.0.0.1:3000/v1/agents',
    signInUrl: '/sign-in',
  });
});

test('the form signs in to an account, read-only on request', async () => {
  const visitor = browser();
  expect((await visitor.get('/sign-in').expect(200)).text).toContain('<input type="password"');
  await visitor
    .post('/sign-in')
    .type('form')
    .send({ password: PASSWORD, account: 'globex', read_only: 'yes' })
    .expect(303);
  expect((await visitor.get(SESSION).expect(200)).body).toMatchObject({
    actor: 'reader@globex.example',
    readOnly: true,
  });
  const { body } = await visitor.get('/admin/api-keys/agents').expect(200);
  expect(body.agents[0]).toEqual({ id: OTHER_PROJECT, name: 'Globex support' });
  await visitor.put(CONFIGURATION).send({ transcript: false, metrics: [] }).expect(403);
});

test('sign-in is denied without the password, also with an API key', async () => {
  const visitor = browser();
  for (const password of ['', 'correct-hors', `${PASSWORD}${PASSWORD}`, await platform.mint()]) {
    const refused = await visitor.post('/sign-in').type('form').send({ password });
    expect([refused.status, refused.headers['set-cookie']]).toEqual([401, undefined]);
    expect((await visitor.get(`/sign-in?password=${password}`)).headers['set-cookie']).toBeUndefined();
    await visitor.get(SESSION).set('authorization', `Bearer ${password}`).expect(401);
  }
  await visitor.get('/sign-in?password=a&password=b').expect(401);
  await visitor.post('/sign-in').expect(401);
  await visitor
    .get(SESSION)
    .set('x-api-key', await platform.mint())
    .expect(401);
  await visitor.get(SESSION).set('cookie', 'operator=; operator=nonsense').expect(401);
});

test('sign-out ends the session, also for a kept cookie', async () => {
  const visitor = browser();
  const { headers } = await visitor.get(`/sign-in?password=${PASSWORD}`);
  const cookie = headers['set-cookie']?.[0]?.split(';')[0] as string;
  await request(platform.app).get(SESSION).set('cookie', cookie).expect(200);
  await visitor.post('/sign-out').expect(303);
  await request(platform.app).get(SESSION).set('cookie', cookie).expect(401);
});

test('a changed configuration applies to the next response', async () => {
  const token = await platform.mint();
  expect((await platform.get(V3, token)).body.conversations[0].turns).not.toEqual([]);
  const put = (features: object) =>
    request(platform.app).put(CONFIGURATION).set('authorization', `Bearer ${PASSWORD}`).send(features).expect(200);
  await put({ transcript: false, metrics: ['CSAT_SCORE'] });
  const [first] = (await platform.get(V3, token)).body.conversations;
  expect([first.turns, Object.keys(first.metrics)]).toEqual([[], ['CSAT_SCORE']]);
});

test('console and sign-in respond 404 when the app has no password', async () => {
  platform = await createPlatform();
  for (const path of ['/sign-in', SESSION, '/admin/api-keys/']) await request(platform.app).get(path).expect(404);
});
