import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import {
  conversations,
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

const SEARCH = 'query=order&start_time=2026-07-01&end_time=2026-09-01';

describe('a page', () => {
  test('holds five conversations and says where the next one begins', async () => {
    const { body } = await platform
      .get(V3, token)
      .expect(200)
      .expect('content-type', /^application\/json/);
    expect(Object.keys(body)).toEqual(['conversations', 'next_offset', 'cursor']);
    expect(body.conversations).toHaveLength(5);
    expect(body.next_offset).toBe(5);
    const next = await platform.get(`${V3}?cursor=${encodeURIComponent(body.cursor)}`, token).expect(200);
    const offset = await platform.get(`${V3}?offset=5`, token).expect(200);
    expect(next.body.conversations).toEqual(offset.body.conversations);
  });

  test('shows conversations whole where the project enables everything', async () => {
    const wanted = conversationWith(({ environment, handoff }) => environment === 'live' && handoff);
    const query = `start_time=${wanted.started_at}&limit=5000`;
    const { body } = await platform.get(`${V3}?${query}&include_latency=true`, token).expect(200);
    expect(body.conversations.at(-1)).toEqual(wanted);
    expect(Object.keys(body.conversations.at(-1))).toEqual(Object.keys(wanted));
  });

  test('is the same by slugs as by ids, and by a mixture', async () => {
    const byIds = await platform.get(V3, token).expect(200);
    for (const path of ['acme-uk/acme-team-4', `acme-uk/${PROJECT}`, `${WORKSPACE}/acme-team-4`]) {
      const bySlug = await platform.get(`/v3/${path}/conversations`, token).expect(200);
      expect(bySlug.text).toBe(byIds.text);
    }
  });

  test('has the same shape when it is long and leaves conversation by conversation', async () => {
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

  test('that is long and empty is well-formed too', async () => {
    const { body } = await platform.get(`${V3}?limit=5000&offset=100000`, token).expect(200);
    expect(body).toEqual({ conversations: [], cursor: null });
  });

  test('has no body for HEAD, long or short', async () => {
    for (const limit of [5, 5000]) {
      const { text } = await request(platform.app).head(`${V3}?limit=${limit}`).set('x-api-key', token).expect(200);
      expect(text ?? '').toBe('');
    }
  });

  test('stops being made when its reader goes away', async () => {
    const whole = jest.spyOn(conversations, 'whole');
    let gone: Promise<unknown> | undefined;
    const server = createServer((req, res) => {
      gone = once(res, 'close');
      platform.app(req, res);
    });
    try {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const aborter = new AbortController();
      const response = await fetch(`http://127.0.0.1:${port}${V3}?limit=5000`, {
        headers: { 'x-api-key': token },
        signal: aborter.signal,
      });
      await response.body!.getReader().read();
      aborter.abort();
      await gone;
      // The handler goes on at its next turn of the event loop, and would make all the rest in that one turn.
      await new Promise((resolve) => setImmediate(resolve));
      expect(whole.mock.calls.length).toBeLessThan(1500);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      whole.mockRestore();
    }
  });
});

describe('what the project has enabled decides what is in it', () => {
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
    ['long', 5000],
  ])('on a %s page', async (_what, limit) => {
    await configure({ transcript: false, metrics: ['HANDOFF_TO', 'CALL_COMPLETED'] });
    const closed = await read(limit);
    expect(closed.found).toMatchObject({ turns: [], num_turns: handedOver.num_turns, handoff: true });
    expect(Object.keys(closed.found.metrics).toSorted()).toEqual(['CALL_COMPLETED', 'HANDOFF_TO']);
    expect(closed.headers.redacted).toBe('transcript, metrics');
    // The members that repeat a metric are emptied and stay with it.
    expect(closed.found.handoff_destination).toBe(handedOver.metrics.HANDOFF_TO);
    expect(closed.found.handoff_reason).toBe('');

    await configure(EVERYTHING);
    const open = await read(limit);
    expect(open.found.turns).toHaveLength(handedOver.num_turns);
    expect(open.found.metrics).toEqual(handedOver.metrics);
    expect(open.found.handoff_reason).toBe(handedOver.metrics.HANDOFF_REASON);
    expect(open.headers.redacted).toBeUndefined();
  });

  test('asking for latency never fills an empty transcript', async () => {
    await configure({ transcript: false, metrics: [] });
    const { body } = await platform.get(`${V3}?include_latency=true`, token).expect(200);
    expect(body.conversations.map(({ turns }: { turns: unknown }) => turns)).toEqual([[], [], [], [], []]);
    expect(body.conversations[0].metrics).toEqual({});
  });

  test.each(['transcript', 'semantic'])('a %s search is refused where the transcript is not enabled', async (type) => {
    await platform.get(`${V3}?query_type=${type}&${SEARCH}`, token).expect(200);
    await configure({ transcript: false, metrics: 'all' });
    const { body } = await platform.get(`${V3}?query_type=${type}&${SEARCH}`, token).expect(403);
    expect(body).toEqual(envelope('FEATURE_NOT_ENABLED'));
  });

  test('a project without a configuration shows nothing of either', async () => {
    const { body } = await platform.get(`/v3/${WORKSPACE}/${SILENT_PROJECT}/conversations`, token).expect(200);
    for (const { turns, metrics, num_turns: count } of body.conversations) {
      expect([turns, metrics]).toEqual([[], {}]);
      expect(count).toBeGreaterThan(0);
    }
  });
});

describe('who may see it', () => {
  test('nobody without a key', async () => {
    const { body, headers } = await platform
      .get(V3)
      .expect(401)
      .expect('www-authenticate', /^ApiKey /);
    expect(body).toEqual(envelope('MISSING_KEY'));
    expect(body.error_id).toBe(headers['x-polyai-correlation-id']);
  });

  test('no key without the permission', async () => {
    const { body } = await platform.get(V3, await platform.mint(['handoff', 'external_events'])).expect(403);
    expect(body).toEqual(envelope('PERMISSION_DENIED'));
  });

  test('a restricted key only its own agents, by whichever name', async () => {
    const restricted = await platform.mint(['conversations'], [PROJECT]);
    await platform.get(V3, restricted).expect(200);
    await platform.get('/v3/acme-uk/acme-team-4/conversations', restricted).expect(200);
    for (const project of [SILENT_PROJECT, 'acme-bookings', 'nothing-of-this-name']) {
      const { body } = await platform.get(`/v3/${WORKSPACE}/${project}/conversations`, restricted).expect(403);
      expect(body).toEqual(envelope('AGENT_NOT_IN_SCOPE'));
    }
  });

  test('no other workspace, by whichever name', async () => {
    for (const account of [OTHER_WORKSPACE, 'globex', 'nothing-of-this-name']) {
      const { body } = await platform.get(`/v3/${account}/${OTHER_PROJECT}/conversations`, token).expect(403);
      expect(body).toEqual(envelope('WORKSPACE_NOT_IN_SCOPE'));
    }
  });

  test('not another workspace’s project under one’s own account', async () => {
    for (const project of [OTHER_PROJECT, 'globex-support', 'nothing-of-this-name']) {
      const { body } = await platform.get(`/v3/${WORKSPACE}/${project}/conversations`, token).expect(404);
      expect(body).toEqual(envelope('PROJECT_NOT_FOUND'));
    }
  });

  test('an unauthenticated caller learns nothing about projects', async () => {
    await platform.get(`/v3/${WORKSPACE}/nothing-of-this-name/conversations`).expect(401);
    await platform.get(`${V3}?limit=0`).expect(401);
  });
});

test('a malformed filter is refused with everything that is wrong', async () => {
  const { body } = await platform.get(`${V3}?limit=0&cursor=%00&sample=all`, token).expect(400);
  expect(body).toEqual(envelope('GET_CONVERSATIONS_FILTER_PARSE_ERROR', expect.stringMatching(/limit .* sample /)));
});

test('an address that cannot be decoded is refused in the envelope', async () => {
  const { body } = await platform.get('/v3/%E0%A4%A/x/conversations', token).expect(400);
  expect(body).toEqual(envelope('BAD_REQUEST'));
});

test('a failure nobody foresaw is told to the operator, and to the caller as no more than a failure', async () => {
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
