import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startUpstream } from '../../../example-app/upstream';
import { createPlatform, data, EVERYTHING, envelope, PROJECT, SILENT_PROJECT, V3, WORKSPACE } from '../support';

type Upstream = Awaited<ReturnType<typeof startUpstream>>;
let upstream: Upstream;
let platform: Awaited<ReturnType<typeof createPlatform>>;
let token: string;

beforeAll(async () => {
  upstream = await startUpstream(data);
});
afterAll(() => upstream.close());
beforeEach(async () => {
  platform = await createPlatform({ upstream });
  token = await platform.mint();
});

const PROXIED = `/proxied${V3}`;

test('the proxied list is the list', async () => {
  for (const query of [
    '',
    '?limit=3&channel=CHAT&channel=WEBCHAT&variant_name=%E6%9D%B1%E4%BA%AC',
    '?limit=300&offset=20',
  ]) {
    const direct = await platform.get(V3 + query, token).expect(200);
    const proxied = await platform
      .get(PROXIED + query, token)
      .expect(200)
      .expect('content-type', /^application\/json/);
    expect(proxied.text).toBe(direct.text);
  }
});

test('a proxied list is redacted by the configuration of the project', async () => {
  await platform.apiKeys.projects.set(
    PROJECT,
    { transcript: false, metrics: ['HANDOFF_TO'] },
    { workspaceId: WORKSPACE },
  );
  for (const query of ['?limit=20', '?limit=500']) {
    const direct = await platform.get(V3 + query, token).expect(200);
    const proxied = await platform.get(PROXIED + query, token).expect(200);
    expect(proxied.text).toBe(direct.text);
    expect(proxied.text).not.toContain('user_input');
    expect(proxied.text).not.toContain('HANDOFF_REASON');
    expect(proxied.headers.redacted).toBe('transcript, metrics');
  }
});

test('a slug is authorized and fetched as the same project', async () => {
  const restricted = await platform.mint(['conversations'], [PROJECT]);
  const { body } = await platform.get('/proxied/v3/acme-uk/acme-team-4/conversations', restricted).expect(200);
  expect(body.conversations[0].project_id).toBe(PROJECT);
  await platform.get('/proxied/v3/acme-uk/acme-bookings/conversations', restricted).expect(403);
});

test('a proxied search is denied when the transcript is disabled', async () => {
  const search = '?query_type=transcript&query=order&start_time=2026-07-01&end_time=2099-09-01';
  await platform.get(PROXIED + search, token).expect(200);
  const { body } = await platform
    .get(`/proxied/v3/acme-uk/${SILENT_PROJECT}/conversations${search}`, token)
    .expect(403);
  expect(body).toEqual(envelope('FEATURE_NOT_ENABLED'));
});

test('errors come from the app before the upstream receives the request', async () => {
  expect((await platform.get(PROXIED).expect(401)).body).toEqual(envelope('MISSING_KEY'));
  expect((await platform.get(`${PROXIED}?limit=0`, token).expect(400)).body).toEqual(
    envelope('GET_CONVERSATIONS_FILTER_PARSE_ERROR'),
  );
});

test('the upstream denies requests without the secret of the app', async () => {
  async function statusOf(path: string, headers: Record<string, string> = {}): Promise<number> {
    const response = await fetch(`${upstream.url}${path}`, { headers });
    // A body that is not read keeps its connection, and with it the process.
    await response.arrayBuffer();
    return response.status;
  }
  expect(await statusOf(V3)).toBe(403);
  expect(await statusOf(V3, { 'x-upstream-secret': 'x'.repeat(upstream.secret.length) })).toBe(403);
  const known = { 'x-upstream-secret': upstream.secret };
  expect(await statusOf(V3, known)).toBe(200);
  expect(await statusOf(`/v3/${WORKSPACE}/nothing/conversations`, known)).toBe(404);
});

describe('faulty upstreams', () => {
  async function through(handler: RequestListener, expectations: (url: string) => Promise<void>): Promise<void> {
    const server = createServer(handler);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const faulty = await createPlatform({ upstream: { url: `http://127.0.0.1:${port}`, secret: 'secret' } });
    const app = faulty.app.listen(0, '127.0.0.1');
    await new Promise((resolve) => app.once('listening', resolve));
    token = await faulty.mint();
    await faulty.apiKeys.projects.set(PROJECT, EVERYTHING, { workspaceId: WORKSPACE });
    try {
      await expectations(`http://127.0.0.1:${(app.address() as AddressInfo).port}${PROXIED}`);
    } finally {
      app.closeAllConnections();
      server.closeAllConnections();
      await Promise.all([
        new Promise((resolve) => app.close(resolve)),
        new Promise((resolve) => server.close(resolve)),
      ]);
    }
  }
  const ask = (url: string) => fetch(url, { headers: { 'x-api-key': token } });

  test('the upstream never receives the caller’s token', async () => {
    let seen: string[] = [];
    const echo: RequestListener = (req, res) => {
      seen = req.rawHeaders;
      res.setHeader('content-type', 'application/json').end('{"conversations":[],"cursor":null}');
    };
    await through(echo, async (url) => {
      expect((await ask(url)).status).toBe(200);
      expect(seen.join(' ')).not.toContain(token);
      expect(seen).toContain('secret');
    });
  });

  test('the proxy responds 502 in the envelope when the upstream closes at once', async () => {
    await through(
      (req) => req.socket.destroy(),
      async (url) => {
        const response = await ask(url);
        expect([response.status, await response.json()]).toEqual([502, envelope('BAD_GATEWAY')]);
      },
    );
  });

  test('the proxy aborts the response when the upstream closes half-way', async () => {
    const half: RequestListener = (_req, res) => {
      res.setHeader('content-type', 'application/json');
      res.write('{"conversations":[{"id":"CA1","turns":[]},', () => res.destroy());
    };
    await through(half, async (url) => {
      await expect(ask(url).then((response) => response.text())).rejects.toThrow();
    });
  });
});
