import request from 'supertest';
import {
  conversationWith,
  createPlatform,
  data,
  EVERYTHING,
  envelope,
  OTHER_PROJECT,
  OTHER_WORKSPACE,
  PROJECT,
  SILENT_PROJECT,
  V3,
  WORKSPACE,
} from '../support';

type Platform = Awaited<ReturnType<typeof createPlatform>>;
let platform: Platform;
let token: string;

beforeEach(async () => {
  platform = await createPlatform();
  token = await platform.mint();
});

const DAY = 24 * 60 * 60 * 1000;
const day = (days: number) => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);
const SEARCH = `query=order&start_time=${day(-30)}&end_time=${day(1)}`;

describe('a page', () => {
  test('a page has a thousand conversations unless a limit is given, those of the last 24 hours among them', async () => {
    const { body } = await platform.get(V3, token).expect(200);
    expect(body.conversations).toHaveLength(1000);
    const recent = await platform
      .get(`${V3}?start_time=${new Date(Date.now() - DAY).toISOString()}`, token)
      .expect(200);
    expect(recent.body.conversations.length).toBeGreaterThan(10);
    expect(recent.body.conversations[0].in_progress).toBe(true);
  });

  test('a page of five has the start of the next one', async () => {
    const { body } = await platform
      .get(`${V3}?limit=5`, token)
      .expect(200)
      .expect('content-type', /^application\/json/);
    expect(Object.keys(body)).toEqual(['conversations', 'next_offset', 'cursor']);
    expect(body.conversations).toHaveLength(5);
    expect(body.next_offset).toBe(5);
    const next = await platform.get(`${V3}?limit=5&cursor=${encodeURIComponent(body.cursor)}`, token).expect(200);
    const offset = await platform.get(`${V3}?limit=5&offset=5`, token).expect(200);
    expect(next.body.conversations).toEqual(offset.body.conversations);
  });

  test('conversations are whole when the project enables everything', async () => {
    const wanted = conversationWith(({ environment, handoff }) => environment === 'live' && handoff);
    const query = `start_time=${wanted.started_at}&limit=1000`;
    const { body } = await platform.get(`${V3}?${query}&include_latency=true`, token).expect(200);
    expect(body.conversations.at(-1)).toEqual(wanted);
    expect(Object.keys(body.conversations.at(-1))).toEqual(Object.keys(wanted));
  });

  test('a page is the same by slugs, ids and a mixture', async () => {
    const byIds = await platform.get(`${V3}?limit=20`, token).expect(200);
    for (const path of ['acme-uk/acme-team-4', `acme-uk/${PROJECT}`, `${WORKSPACE}/acme-team-4`]) {
      const bySlug = await platform.get(`/v3/${path}/conversations?limit=20`, token).expect(200);
      expect(bySlug.text).toBe(byIds.text);
    }
  });

  test('a page has the same shape when it is sent conversation by conversation', async () => {
    const long = await platform
      .get(`${V3}?limit=400`, token)
      .expect(200)
      .expect('content-type', /^application\/json/);
    expect(long.headers['content-length']).toBeUndefined();
    expect(Object.keys(long.body)).toEqual(['conversations', 'next_offset', 'cursor']);
    const short: unknown[] = [];
    let cursor = '';
    for (let count = 0; count < 4; count += 1) {
      const { body } = await platform.get(`${V3}?limit=100${cursor && `&cursor=${cursor}`}`, token).expect(200);
      short.push(...body.conversations);
      cursor = body.cursor;
    }
    expect(long.body).toEqual({ conversations: short, next_offset: 400, cursor });
  });

  test('a page is well-formed when it is long and empty', async () => {
    const { body } = await platform.get(`${V3}?limit=1000&offset=100000`, token).expect(200);
    expect(body).toEqual({ conversations: [], cursor: null });
  });

  test('HEAD has no body, for long and short pages', async () => {
    for (const limit of [5, 1000]) {
      const { text } = await request(platform.app).head(`${V3}?limit=${limit}`).set('x-api-key', token).expect(200);
      expect(text ?? '').toBe('');
    }
  });
});

describe('project configuration', () => {
  const configure = (features: { transcript: boolean; metrics: 'all' | string[] }) =>
    platform.apiKeys.projects.set(PROJECT, features, { workspaceId: WORKSPACE });
  const handedOver = conversationWith(({ environment, handoff_reason: reason }) => environment === 'live' && !!reason);
  const read = async (limit: number) => {
    const { body, headers } = await platform
      .get(`${V3}?start_time=${handedOver.started_at}&limit=${limit}`, token)
      .expect(200);
    return { found: body.conversations.find(({ id }: { id: string }) => id === handedOver.id), headers };
  };

  test.each([
    ['short', 100],
    ['long', 1000],
  ])('the configuration of the project decides the fields of a %s page', async (_what, limit) => {
    await configure({ transcript: false, metrics: ['HANDOFF_TO', 'CALL_COMPLETED'] });
    const closed = await read(limit);
    expect(closed.found).toMatchObject({ turns: [], num_turns: handedOver.num_turns, handoff: true });
    expect(Object.keys(closed.found.metrics).toSorted()).toEqual(['CALL_COMPLETED', 'HANDOFF_TO']);
    expect(closed.headers.redacted).toBe('transcript, metrics');
    // The members that repeat a metric are cleared and kept with it.
    expect(closed.found.handoff_destination).toBe(handedOver.metrics.HANDOFF_TO);
    expect(closed.found.handoff_reason).toBe('');

    await configure(EVERYTHING);
    const open = await read(limit);
    expect(open.found.turns).toHaveLength(handedOver.num_turns);
    expect(open.found.metrics).toEqual(handedOver.metrics);
    expect(open.found.handoff_reason).toBe(handedOver.metrics.HANDOFF_REASON);
    expect(open.headers.redacted).toBeUndefined();
  });

  test('latency never fills an empty transcript', async () => {
    await configure({ transcript: false, metrics: [] });
    const { body } = await platform.get(`${V3}?limit=5&include_latency=true`, token).expect(200);
    expect(body.conversations.map(({ turns }: { turns: unknown }) => turns)).toEqual([[], [], [], [], []]);
    expect(body.conversations[0].metrics).toEqual({});
  });

  test.each(['transcript', 'semantic'])('a %s search is denied when the transcript is disabled', async (type) => {
    await platform.get(`${V3}?query_type=${type}&${SEARCH}`, token).expect(200);
    await configure({ transcript: false, metrics: 'all' });
    const { body } = await platform.get(`${V3}?query_type=${type}&${SEARCH}`, token).expect(403);
    expect(body).toEqual(envelope('FEATURE_NOT_ENABLED'));
  });

  test('a project without a configuration has no turns and no metrics', async () => {
    const { body } = await platform.get(`/v3/${WORKSPACE}/${SILENT_PROJECT}/conversations`, token).expect(200);
    for (const { turns, metrics, num_turns: count } of body.conversations) {
      expect([turns, metrics]).toEqual([[], {}]);
      expect(count).toBeGreaterThan(0);
    }
  });
});

describe('authorization', () => {
  test('the list responds 401 when no key is sent', async () => {
    const { body, headers } = await platform
      .get(V3)
      .expect(401)
      .expect('www-authenticate', /^ApiKey /);
    expect(body).toEqual(envelope('MISSING_KEY'));
    expect(body.error_id).toBe(headers['x-polyai-correlation-id']);
  });

  test('the list responds 403 when the key lacks the permission', async () => {
    const { body } = await platform.get(V3, await platform.mint(['handoff', 'external_events'])).expect(403);
    expect(body).toEqual(envelope('PERMISSION_DENIED'));
  });

  test('the list responds 403 when the key has other agents, by any name', async () => {
    const restricted = await platform.mint(['conversations'], [PROJECT]);
    await platform.get(V3, restricted).expect(200);
    await platform.get('/v3/acme-uk/acme-team-4/conversations', restricted).expect(200);
    for (const project of [SILENT_PROJECT, 'acme-bookings', 'nothing-of-this-name']) {
      const { body } = await platform.get(`/v3/${WORKSPACE}/${project}/conversations`, restricted).expect(403);
      expect(body).toEqual(envelope('AGENT_NOT_IN_SCOPE'));
    }
  });

  test('the list responds 403 when the key has another workspace, by any name', async () => {
    for (const account of [OTHER_WORKSPACE, 'globex', 'nothing-of-this-name']) {
      const { body } = await platform.get(`/v3/${account}/${OTHER_PROJECT}/conversations`, token).expect(403);
      expect(body).toEqual(envelope('WORKSPACE_NOT_IN_SCOPE'));
    }
  });

  test('the list responds 404 when the project is of another workspace', async () => {
    for (const project of [OTHER_PROJECT, 'globex-support', 'nothing-of-this-name']) {
      const { body } = await platform.get(`/v3/${WORKSPACE}/${project}/conversations`, token).expect(404);
      expect(body).toEqual(envelope('PROJECT_NOT_FOUND'));
    }
  });

  test('an unauthenticated caller receives 401 for unknown projects and malformed filters', async () => {
    await platform.get(`/v3/${WORKSPACE}/nothing-of-this-name/conversations`).expect(401);
    await platform.get(`${V3}?limit=0`).expect(401);
  });
});

test('a malformed filter is rejected with everything that is wrong', async () => {
  const { body } = await platform.get(`${V3}?limit=0&cursor=%00&sample=all`, token).expect(400);
  expect(body).toEqual(envelope('GET_CONVERSATIONS_FILTER_PARSE_ERROR', expect.stringMatching(/limit .* sample /)));
});

test('a path that cannot be decoded is rejected in the envelope', async () => {
  const { body } = await platform.get('/v3/%E0%A4%A/x/conversations', token).expect(400);
  expect(body).toEqual(envelope('BAD_REQUEST'));
});

test('an unexpected error is reported, and the caller receives a bare 500', async () => {
  const failure = new Error('a detail of the inside');
  const reported: unknown[] = [];
  const failing = await createPlatform({
    data: {
      ...data,
      conversationsOf() {
        throw failure;
      },
    },
    report: (error) => reported.push(error),
  });
  const { body, text } = await failing.get(V3, await failing.mint()).expect(500);
  expect(body).toEqual(envelope('INTERNAL_SERVER_ERROR'));
  expect(text).not.toContain('inside');
  expect(reported).toEqual([failure]);
});
