import { createPlatform, envelope, PROJECT } from '../support';

let platform: Awaited<ReturnType<typeof createPlatform>>;

beforeAll(async () => {
  platform = await createPlatform();
});

test('version 1 responds 410 with a link to version 3, with and without a key', async () => {
  for (const token of [undefined, await platform.mint(), 'nonsense']) {
    const { body } = await platform
      .get('/v1/acme-uk/acme-team-4/conversations?limit=3', token)
      .expect(410)
      .expect('link', '</v3/acme-uk/acme-team-4/conversations>; rel="successor-version"');
    expect(body).toEqual(
      envelope('API_VERSION_GONE', expect.stringContaining('/v3/acme-uk/acme-team-4/conversations')),
    );
  }
});

test('the link is encoded when account and project are not plain', async () => {
  const { body } = await platform.get('/v1/a%2Fb/%22%3E%20x/conversations').expect(410);
  expect(body.error_message).toContain('/v3/a%2Fb/%22%3E%20x/conversations');
});

test('the conversations of an agent are no version 1', async () => {
  const { body } = await platform.get(`/v1/agents/${PROJECT}/conversations`).expect(404);
  expect(body).toEqual(envelope('NOT_FOUND'));
});

test('every response has a correlation id that its error repeats', async () => {
  const { body, headers } = await platform.get('/nowhere').expect(404);
  expect(body).toEqual(envelope('NOT_FOUND'));
  expect(body.error_id).toBe(headers['x-polyai-correlation-id']);
  const sent = await platform.get('/nowhere').set('x-polyai-correlation-id', 'my-request-1').expect(404);
  expect([sent.body.error_id, sent.body.error]).toEqual(['my-request-1', sent.body.error_message]);
  const hostile = await platform.get('/nowhere').set('x-polyai-correlation-id', 'a b').expect(404);
  expect(hostile.body.error_id).not.toBe('a b');
  expect((await platform.get('/nowhere')).headers['x-polyai-correlation-id']).not.toBe(body.error_id);
});
