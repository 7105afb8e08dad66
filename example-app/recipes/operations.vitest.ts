import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import type { ExportedAuditRecord } from 'keyscope';
import request from 'supertest';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type AuditArchive, archiveAudit, disableUnused, endAccess } from './jobs';
import { watchKeys } from './notices';
import { listen, start } from './test-app';
import { createWebhookReceiver, type KeyWebhook } from './webhook-receiver';

const CALLS = '/v1/projects/sales/calls';
/** Events and webhooks are looked for every 2.5 seconds, unless a change of this process announces them. */
const soon = { timeout: 20_000 };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function startApp(options?: Parameters<typeof start>[0]) {
  const world = await start(options);
  closers.push(world.close);
  const { app } = world;
  return {
    ...world,
    statusOf: async (token: string) => (await request(app).get(CALLS).set('x-api-key', token)).status,
    /** As an operator. */
    admin: (method: 'get' | 'post', path: string) => request(app)[method](`/admin${path}`).set('x-operator', 'Ada'),
  };
}

describe('events', () => {
  test('the contact of a key is told once what happened to it, also if the mail fails at first', async () => {
    const { apiKeys, clock } = await startApp();
    const notify = vi.fn().mockRejectedValueOnce(new Error('the mail server is down')).mockResolvedValue(undefined);
    watchKeys(apiKeys, notify);
    const { key } = await apiKeys.keys.create({
      name: 'CRM',
      permissions: ['calls'],
      contact: 'crm@example.com',
      expiresIn: '10d',
    });
    await apiKeys.keys.update(key.id, { disabled: true });
    await expect.poll(() => notify.mock.calls.length, soon).toBe(2);
    expect(notify.mock.calls[1]).toEqual(['crm@example.com', 'Your API key CRM was disabled.']);
    clock.advance('4d');
    await expect.poll(() => notify.mock.calls.at(-1)?.[1], soon).toBe('Your API key CRM expires soon.');
    expect(notify).toHaveBeenCalledTimes(3);
  });

  test('a change of a project is an event', async () => {
    const { apiKeys } = await startApp();
    const projects = watchKeys(apiKeys, async () => undefined);
    await apiKeys.projects.set('sales', { transcript: true, metrics: [] });
    await expect.poll(() => projects.get('sales'), soon).toBe('configured');
    await apiKeys.projects.clear('sales');
    await expect.poll(() => projects.get('sales'), soon).toBe('cleared');
  });
});

describe('webhooks', () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

  /** A partner's program. `state.status` is its response instead, until it is null. */
  async function startReceiver(known = secret) {
    const events: KeyWebhook[] = [];
    const state = { status: null as number | null, requests: 0 };
    const app = express();
    app.use((_req, res, next) => {
      state.requests += 1;
      if (state.status === null) next();
      else res.status(state.status).end();
    });
    app.use(createWebhookReceiver(known, (event) => events.push(event)));
    const server = createServer(app);
    const url = await listen(server);
    closers.push(
      () => server.closeAllConnections(),
      () => server.close(),
    );
    return { events, state, webhooks: [{ url, secret, allowPrivate: true }] };
  }

  test('a receiver gets signed events, and denies those with another signature', async () => {
    const { events, webhooks } = await startReceiver();
    const stranger = await startReceiver(`whsec_${Buffer.alloc(32, 8).toString('base64')}`);
    const { apiKeys } = await startApp({ webhooks: [...webhooks, ...stranger.webhooks] });
    const { key, token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['calls'] });
    await expect
      .poll(() => events, soon)
      .toMatchObject([{ type: 'key.created', data: { target: key.id, name: 'CRM' } }]);
    expect(JSON.stringify(events)).not.toContain(token);
    await expect.poll(() => stranger.state.requests, soon).toBe(1);
    expect(stranger.events).toEqual([]);
  });

  test('a webhook is sent again after a failure', async () => {
    const { events, state, webhooks } = await startReceiver();
    const { apiKeys, clock } = await startApp({ webhooks });
    state.status = 503;
    await apiKeys.keys.create({ name: 'CRM', permissions: ['calls'] });
    await expect.poll(() => state.requests, soon).toBe(1);
    state.status = null;
    clock.advance('10s');
    await expect.poll(() => events.length, soon).toBe(1);
    expect(await apiKeys.webhooks.failed()).toEqual([]);
  });

  test('a webhook that was given up is listed, and can be replayed', async () => {
    const { events, state, webhooks } = await startReceiver();
    const { apiKeys } = await startApp({ webhooks });
    // 410 gives up at once, other failures after 11 attempts in a day.
    state.status = 410;
    const { key } = await apiKeys.keys.create({ name: 'CRM', permissions: ['calls'] });
    await expect.poll(() => apiKeys.webhooks.failed(), soon).toMatchObject([{ target: key.id, attempts: 1 }]);
    state.status = null;
    const [failed] = await apiKeys.webhooks.failed();
    expect(await apiKeys.webhooks.replay(failed!.id)).toBe(true);
    await expect.poll(() => events.map(({ data }) => data.target), soon).toEqual([key.id]);
    expect(await apiKeys.webhooks.failed()).toEqual([]);
  });
});

describe('leaked tokens', () => {
  test('a report revokes the key, and its contact is told', async () => {
    const { apiKeys, statusOf } = await startApp();
    const notify = vi.fn().mockResolvedValue(undefined);
    watchKeys(apiKeys, notify);
    const { token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['calls'], contact: 'crm@example.com' });
    expect(await statusOf(token)).toBe(200);
    expect(await apiKeys.leaks.report(token, { source: 'support ticket 4711' })).toMatchObject({ outcome: 'revoked' });
    expect(await statusOf(token)).toBe(401);
    await expect.poll(() => notify.mock.calls, soon).toHaveLength(1);
    expect(notify.mock.calls[0]![1]).toMatch(/was found in public/);
  });

  test('a signed report of GitHub revokes the keys of real tokens', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const { app, apiKeys, statusOf, tokenFor } = await startApp({
      githubKeys: async () => ({ public_keys: [{ key_identifier: 'k1', key: pem }] }),
    });
    const token = await tokenFor();
    const report = [
      { token, type: 'example_api_key', url: 'https://github.com/example/app/blob/1/.env' },
      { token: `${token.slice(0, -8)}00000000`, type: 'example_api_key' },
    ];
    const body = JSON.stringify(report);
    const post = (signature: Buffer) =>
      request(app)
        .post('/leaks/github')
        .type('json')
        .send(body)
        .set({
          'github-public-key-identifier': 'k1',
          'github-public-key-signature': signature.toString('base64'),
        });
    await post(sign('sha256', Buffer.from(`${body} `), privateKey)).expect(401);
    expect(await statusOf(token)).toBe(200);
    const { body: feedback } = await post(sign('sha256', Buffer.from(body), privateKey)).expect(200);
    expect(feedback.map(({ label }: { label: string }) => label)).toEqual(['true_positive', 'false_positive']);
    expect(await statusOf(token)).toBe(401);
    const { entries } = await apiKeys.audit.list({ action: 'key.exposed' });
    expect(entries).toMatchObject([{ after: { exposure: { source: 'github', url: report[0]!.url } } }]);
  });

  test('the holder of a token revokes it, and the response does not tell whether it was one', async () => {
    const { app, statusOf, tokenFor } = await startApp();
    const token = await tokenFor();
    const revoke = (text: string) => request(app).post('/leaks/revoke').send({ token: text });
    await revoke(token).expect(200, { revoked: true });
    await revoke('ks_live_unknown').expect(200, { revoked: true });
    expect(await statusOf(token)).toBe(401);
  });
});

describe('audit log', () => {
  test('the archive continues after its last entry, and a job notices what is missing from the log', async () => {
    const { apiKeys } = await startApp();
    const entries: ExportedAuditRecord[] = [];
    const archive: AuditArchive & { head: string | undefined } = {
      head: undefined,
      get lastId() {
        return entries.at(-1)?.id;
      },
      append: async (entry) => void entries.push(entry),
      async keepHead(head) {
        this.head = head ?? undefined;
      },
    };
    const { key } = await apiKeys.keys.create({ name: 'CRM', permissions: ['calls'] }, { actor: 'Ada' });
    await archiveAudit(apiKeys, archive);
    await apiKeys.keys.update(key.id, { name: 'CRM 2' }, { actor: 'Grace' });
    await archiveAudit(apiKeys, archive);
    expect(entries.map(({ action, actor }) => [action, actor])).toEqual([
      ['key.created', 'Ada'],
      ['key.updated', 'Grace'],
    ]);
    expect(entries[1]!.previous).toBe(`${entries[0]!.id}:${entries[0]!.hash}`);
    expect(archive.head).toBe(`${entries[1]!.id}:${entries[1]!.hash}`);
    const { lastId, head } = archive;
    // Another log than the one that was archived.
    const { apiKeys: other } = await startApp();
    await other.keys.create({ name: 'CRM', permissions: ['calls'] });
    await expect(archiveAudit(other, { ...archive, lastId, head })).rejects.toThrow(
      'The audit log was changed: removed',
    );
  });
});

describe('operators', () => {
  test('the keys of a person who leaves are counted first, and then revoked', async () => {
    const { apiKeys, statusOf } = await startApp();
    const ownedBy = (id: string) => ({ permissions: ['calls' as const], owner: { kind: 'user' as const, id } });
    const { token } = await apiKeys.keys.create({ name: 'script', ...ownedBy('u-17') });
    const { token: other } = await apiKeys.keys.create({ name: 'report', ...ownedBy('u-18') });
    expect(await endAccess(apiKeys, 'u-17', { actor: 'Ada', confirmed: false })).toEqual(['script']);
    expect(await statusOf(token)).toBe(200);
    expect(await endAccess(apiKeys, 'u-17', { actor: 'Ada', confirmed: true })).toEqual(['script']);
    expect(await statusOf(token)).toBe(401);
    expect(await statusOf(other)).toBe(200);
  });

  test('keys that nothing has used for 90 days are disabled, and work again when an operator enables them', async () => {
    const { apiKeys, clock, statusOf } = await startApp({ usageFlushInterval: 100 });
    const { key, token } = await apiKeys.keys.create({ name: 'Forgotten', permissions: ['calls'] });
    const { key: used, token: other } = await apiKeys.keys.create({ name: 'Used', permissions: ['calls'] });
    clock.advance('91d');
    expect(await statusOf(other)).toBe(200);
    await expect.poll(async () => (await apiKeys.usage(used.id)).lastUsedAt, soon).not.toBeNull();
    expect(await disableUnused(apiKeys)).toEqual(['Forgotten']);
    expect(await statusOf(token)).toBe(401);
    expect(await statusOf(other)).toBe(200);
    await apiKeys.keys.update(key.id, { disabled: false });
    expect(await statusOf(token)).toBe(200);
  });

  test('keys are found by who owns them, what they are for and whether they are used', async () => {
    const { apiKeys, admin, clock, statusOf } = await startApp({ usageFlushInterval: 100 });
    const { key, token } = await apiKeys.keys.create({
      name: 'CRM',
      permissions: ['calls'],
      owner: { kind: 'service', id: 'crm' },
      metadata: { tier: 'gold' },
    });
    await apiKeys.keys.create({ name: 'Old', permissions: ['exports'], expiresIn: '1d' }, { actor: 'Ada' });
    await apiKeys.keys.create({ name: 'Sales', permissions: ['calls'], agents: ['sales'] });
    const find = async (query: string) =>
      (await admin('get', `/keys?${query}`).expect(200)).body.keys.map(({ name }: { name: string }) => name);
    expect(await find('owner=service:crm&metadata=tier%3Dgold&environment=live')).toEqual(['CRM']);
    expect(await find('permission=exports')).toEqual(['Old']);
    expect(await find('agent=sales')).toEqual(['Sales']);
    expect(await find('createdBy=Ada&expiringWithin=30d')).toEqual(['Old']);
    expect(await find(`q=${key.id.slice(4)}`)).toEqual(['CRM']);
    expect(await find(`q=${encodeURIComponent(key.masked)}`)).toEqual(['CRM']);
    const { body: page } = await admin('get', '/keys?permission=calls&limit=1').expect(200);
    expect(page).toMatchObject({ total: 3, matching: null });
    clock.advance('2d');
    expect(await find('status=expired')).toEqual(['Old']);
    expect(await find('status=active&unusedFor=1d')).toEqual(['Sales', 'CRM']);
    await statusOf(token);
    await expect.poll(() => find('status=active&unusedFor=1d'), soon).toEqual(['Sales']);
    expect((await apiKeys.usage(key.id)).lastUsedAt).not.toBeNull();
  });

  test('forms offer the projects and metrics of the app', async () => {
    const { admin } = await startApp();
    const { body: agents } = await admin('get', '/agents').expect(200);
    expect(agents.agents.map(({ id }: { id: string }) => id)).toEqual(['sales', 'support']);
    const { body: metrics } = await admin('get', '/metrics').expect(200);
    expect(metrics.metrics).toEqual(['sentiment']);
    const { body: ofSupport } = await admin('get', '/metrics?project=support').expect(200);
    expect(ofSupport.metrics).toEqual(['sentiment', 'resolved']);
  });

  test('a request that creates a key can be repeated, and a change of an old revision is denied', async () => {
    const { app, admin } = await startApp();
    const create = () =>
      admin('post', '/keys')
        .set('idempotency-key', 'form-1')
        .send({ name: 'CRM', permissions: ['calls'] })
        .expect(201);
    const { body, headers } = await create();
    expect((await create()).body).toEqual(body);
    const path = `/admin/keys/${body.key.id}`;
    const rename = (name: string) =>
      request(app).patch(path).set({ 'x-operator': 'Ada', 'if-match': headers.etag! }).send({ name });
    await rename('CRM 2').expect(200);
    await rename('CRM 3').expect(412);
  });
});
