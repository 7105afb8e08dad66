import request from 'supertest';
import { readEventId } from '../../../example-app/events/event-id';
import { createPlatform, OTHER_PROJECT, OTHER_WORKSPACE, PROJECT, SILENT_PROJECT, WORKSPACE } from '../support';

jest.mock('../../../example-app/events/event-id', () => {
  const actual = jest.requireActual('../../../example-app/events/event-id');
  return { ...actual, readEventId: jest.fn(actual.readEventId) };
});

let platform: Awaited<ReturnType<typeof createPlatform>>;
let token: string;

beforeAll(async () => {
  platform = await createPlatform();
  token = await platform.mint(['external_events']);
});

function post(query: Record<string, string | string[]>, key = token) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries({ account_id: WORKSPACE, project_id: PROJECT, ...query })) {
    for (const each of [value].flat()) parameters.append(name, each);
  }
  return platform.post('/v1/external-events/webhook').query(parameters.toString()).set('x-api-key', key);
}

const inPayload = (path: string) => ({ event_id_location: 'payload', event_id_path: path });
const NOT_FOUND = { error_message: 'External event id not found in request' };
const NOT_VALID = { error_message: 'External event id not valid' };

describe('event id', () => {
  test.each<[string, string, string, string, string]>([
    ['JSON', 'application/json', '{"payment":{"id":"evt_1"}}', 'payment.id', 'evt_1'],
    ['JSON of a vendor’s type', 'application/vnd.acme+json', '{"id":"evt_1"}', 'id', 'evt_1'],
    [
      'JSON with a dot in the name',
      'application/json',
      '{"payment.id":"evt_1","payment":{"id":"no"}}',
      'payment.id',
      'evt_1',
    ],
    ['a JSON list', 'application/json', '[{"id":"a"},{"id":"b"}]', '1.id', 'b'],
    ['a number in JSON', 'application/json', '{"id":42}', 'id', '42'],
    ['a form', 'application/x-www-form-urlencoded', 'a=1&cid=evt%2F2', 'cid', 'evt/2'],
    ['XML', 'application/xml', '<event><cid>evt_3</cid></event>', 'event.cid', 'evt_3'],
    ['XML below the root', 'application/xml', '<event><cid>evt_3</cid></event>', 'cid', 'evt_3'],
    ['XML as text', 'text/xml; charset=utf-8', '<e><id>événement</id></e>', 'e.id', 'événement'],
    ['lines of text', 'text/plain', 'status=paid\r\ncid = evt_4\r\n', 'cid', 'evt_4'],
  ])('an event id is found in %s', async (_what, type, body, path, id) => {
    const response = await post(inPayload(path)).set('content-type', type).send(body).expect(201);
    expect(response.text).toBe('');
    expect(readEventId).toHaveLastReturnedWith(id);
  });

  test('an event id is found in a header of any case and in the query', async () => {
    const header = { event_id_location: 'headers', event_id_path: 'X-Event-Id' };
    await post(header).set('x-event-id', 'evt_5').expect(201);
    expect(readEventId).toHaveLastReturnedWith('evt_5');
    const query = { event_id_location: 'querystring', event_id_path: 'cid', cid: 'evt_6' };
    await post(query).expect(201);
    expect(readEventId).toHaveLastReturnedWith('evt_6');
  });

  test('an event is accepted when account and project are named by slugs', async () => {
    const names = { account_id: 'acme-uk', project_id: 'acme-team-4' };
    await post({ ...inPayload('id'), ...names })
      .send({ id: 'evt_7' })
      .expect(201);
  });
});

describe('the event’s id is missing', () => {
  test.each<[string, string, string]>([
    ['application/json', '{"other":1}', 'id'],
    ['application/json', '{"a":"text"}', 'a.length'],
    ['application/json', '{}', '__proto__.toString'],
    ['application/json', '{}', 'constructor.name'],
    ['application/x-www-form-urlencoded', 'a=1', 'id'],
    ['application/xml', '<e><id>1</id>', 'e.id'],
    ['application/xml', '<!DOCTYPE e [<!ENTITY x "1">]><e><id>&x;</id></e>', 'e.id'],
    ['text/plain', 'evt_1', 'id'],
  ])('an event id is missing from %s %s at %s', async (type, body, path) => {
    const response = await post(inPayload(path)).set('content-type', type).send(body).expect(400);
    expect(response.body).toEqual(NOT_FOUND);
  });

  test('an event id is missing from a request without a body', async () => {
    expect((await post(inPayload('id')).expect(400)).body).toEqual(NOT_FOUND);
  });

  test('an event id is never read from headers that carry secrets', async () => {
    for (const name of ['x-api-key', 'X-Api-Key', 'authorization', 'cookie']) {
      const query = { event_id_location: 'headers', event_id_path: name };
      const response = await post(query).set('authorization', 'secret').set('cookie', 'a=secret').expect(400);
      expect(response.body).toEqual(NOT_FOUND);
    }
  });
});

test.each([
  '""',
  '"two words"',
  'null',
  'true',
  '{"a":1}',
  '["a"]',
  '1.5',
  `"${'x'.repeat(257)}"`,
  '"a\\u0000b"',
  '"a\\u202eb"',
])('%s cannot be an event’s id', async (value) => {
  const response = await post(inPayload('id'))
    .set('content-type', 'application/json')
    .send(`{"id":${value}}`)
    .expect(400);
  expect(response.body).toEqual(NOT_VALID);
});

test('an event id is invalid when it is sent twice', async () => {
  const query = { event_id_location: 'querystring', event_id_path: 'cid', cid: ['a', 'b'] };
  expect((await post(query).expect(400)).body).toEqual(NOT_VALID);
});

describe('malformed requests', () => {
  test.each<[string, Record<string, string | string[]>]>([
    ['no location', { event_id_location: [], event_id_path: 'id' }],
    ['another location', { event_id_location: 'cookies', event_id_path: 'id' }],
    ['no path', { event_id_location: 'payload', event_id_path: [] }],
    ['two paths', { event_id_location: 'payload', event_id_path: ['a', 'b'] }],
    ['two projects', { ...inPayload('id'), project_id: [PROJECT, SILENT_PROJECT] }],
    ['no project', { ...inPayload('id'), project_id: [] }],
    ['no account', { ...inPayload('id'), account_id: [] }],
    ['two accounts', { ...inPayload('id'), account_id: [WORKSPACE, OTHER_WORKSPACE] }],
  ])('%s', async (_what, query) => {
    const response = await post(query).send({ id: 'evt_1' }).expect(400);
    expect(response.body).toEqual({ error_message: expect.any(String) });
  });

  test.each<[string, string, string, number]>([
    ['JSON that is none', 'application/json', '{"id":', 400],
    ['an unknown type', 'application/octet-stream', 'x', 415],
    ['an unknown character set', 'application/json; charset=klingon', '{}', 415],
    ['too much', 'application/json', `{"id":"${'x'.repeat(70_000)}"}`, 413],
    ['too much text', 'text/plain', 'x'.repeat(70_000), 413],
    ['too large a form', 'application/x-www-form-urlencoded', `a=${'x'.repeat(70_000)}`, 413],
  ])('%s', async (_what, type, body, status) => {
    const response = await post(inPayload('id')).set('content-type', type).send(body).expect(status);
    expect(response.body).toEqual({ error_message: expect.any(String) });
  });
});

describe('authorization', () => {
  test('events are accepted from keys with the permission and the agent', async () => {
    const send = (key: string, query: Record<string, string> = {}) =>
      post({ ...inPayload('id'), ...query }, key).send({ id: 'e' });
    await send(await platform.mint(['conversations', 'handoff'])).expect(403);
    const restricted = await platform.mint(['external_events'], [PROJECT]);
    await send(restricted).expect(201);
    await send(restricted, { project_id: SILENT_PROJECT }).expect(403);
    await send(token, { account_id: OTHER_WORKSPACE, project_id: OTHER_PROJECT }).expect(403);
    await send(token, { project_id: OTHER_PROJECT }).expect(404);
  });

  test('the body is not read when no key is sent', async () => {
    const response = await request(platform.app)
      .post('/v1/external-events/webhook')
      .query({ ...inPayload('id'), account_id: WORKSPACE, project_id: PROJECT })
      .set('content-type', 'application/json')
      .send('{"not json')
      .expect(401);
    expect(response.body).toEqual({ error_message: expect.any(String) });
  });

  test('a request with two projects is rejected when the key has one of them', async () => {
    const restricted = await platform.mint(['external_events'], [PROJECT]);
    await post({ ...inPayload('id'), project_id: [PROJECT, SILENT_PROJECT] }, restricted)
      .send({ id: 'e' })
      .expect(400);
  });
});
