import { createPlatform, envelope, PROJECT } from '../support';

let platform: Awaited<ReturnType<typeof createPlatform>>;

beforeAll(async () => {
  platform = await createPlatform();
});

test('version 1 of the list is gone, for everybody, and says where version 3 is', async () => {
  for (const token of [undefined, await platform.mint(), 'nonsense']) {
    const { body } = await platform.get('/v1/acme-uk/acme-team-4/conversations?limit=3', token).expect(410);
    expect(body).toEqual(
      envelope('API_VERSION_GONE', expect.stringContaining('/v3/acme-uk/acme-team-4/conversations')),
    );
  }
});

test('what it repeats of the address stays an address', async () => {
  const { body } = await platform.get('/v1/a%2Fb/%22%3E%20x/conversations').expect(410);
  expect(body.error_message).toContain('/v3/a%2Fb/%22%3E%20x/conversations');
});

test('an agent’s conversations are not mistaken for it', async () => {
  const { body } = await platform.get(`/v1/agents/${PROJECT}/conversations`).expect(404);
  expect(body).toEqual(envelope('NOT_FOUND'));
});

test('every response has an id, and an error repeats it', async () => {
  const { body, headers } = await platform.get('/nowhere').expect(404);
  expect(body).toEqual(envelope('NOT_FOUND'));
  expect(body.error_id).toBe(headers['x-polyai-correlation-id']);
  expect((await platform.get('/nowhere')).headers['x-polyai-correlation-id']).not.toBe(body.error_id);
});
