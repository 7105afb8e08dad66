import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import createClient from 'openapi-fetch';
import { KeyscopeError } from '../../src/errors';
import { createMemoryStore } from '../../src/store/memory';
import { generateToken } from '../../src/token/generate';
import { expresses } from '../support/express-versions';
import { ADMIN, MOUNT, READER, setup, valid } from './setup';
import { validate } from './validate';

type Json = Record<string, unknown>;
interface Response {
  headers?: Json;
  content?: Record<string, { schema: { $ref: string } }>;
}
interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required?: boolean; schema: Json }[];
  responses: Record<string, Response>;
}
interface Document {
  openapi: string;
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json> };
}

function linesOf(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function fetchDocument(): Promise<Document> {
  return (await setup().as().get('/openapi.json').expect(200)).body;
}

/**
 * The document's schemas, for checking what comes. Stricter than documented: nothing may come that is not described,
 * though clients have to put up with it in later versions.
 */
function strictSchemas(document: Document) {
  const ajv = addFormats(new Ajv2020({ strict: false }));
  const close = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(close);
    if (typeof part !== 'object' || part === null) return part;
    const closed = Object.fromEntries(Object.entries(part).map(([name, value]) => [name, close(value)]));
    return 'properties' in part && !('additionalProperties' in part)
      ? { ...closed, additionalProperties: false }
      : closed;
  };
  ajv.addSchema({ $id: 'document', components: close(document.components) as object });
  return function problemsOf(reference: string, value: unknown): unknown {
    const check = ajv.getSchema(`document${reference}`);
    if (!check) throw new Error(`no schema ${reference}`);
    return check(value) ? [] : check.errors;
  };
}

describe('the OpenAPI document', () => {
  test('the document is valid OpenAPI 3.1', async () => {
    const document = await fetchDocument();
    expect(document.openapi).toBe('3.1.0');
    expect(await validate(document)).toEqual({ valid: true, version: '3.1' });
    // The validator does look.
    const broken = structuredClone(document);
    broken.paths['/keys']!.get!.parameters![0]!.in = 'nowhere';
    expect((await validate(broken)).valid).toBe(false);
  });

  test('the document accepts null as an expiry if keys without one are allowed', async () => {
    const expiryOf = async (given: Parameters<typeof setup>[1]) => {
      const { body } = await setup(undefined, given).as().get('/openapi.json');
      const { $ref } = body.paths['/keys'].post.requestBody.content['application/json'].schema;
      return body.components.schemas[$ref.split('/').at(-1)].properties.expiresAt.anyOf;
    };
    const keyInputs = { permissions: ['conversations'], keysWithoutExpiry: true };
    expect(await expiryOf({})).not.toContainEqual({ type: 'null' });
    expect(await expiryOf({ deps: { keyInputs } })).toContainEqual({ type: 'null' });
  });

  test('the document names each operation once and has no dangling reference', async () => {
    const document = await fetchDocument();
    const operations = Object.entries(document.paths).flatMap(([path, { parameters: _, ...methods }]) =>
      Object.entries(methods).map(([method, { operationId }]) => `${method} ${path} ${operationId}`),
    );
    expect(operations).toEqual([
      'post /keys/revoke-all revokeKeys',
      'post /keys/disable-all disableKeys',
      'get /keys listKeys',
      'post /keys createKey',
      'post /keys/ensure ensureKey',
      'get /keys/{id} getKey',
      'patch /keys/{id} updateKey',
      'delete /keys/{id} deleteKey',
      'post /keys/{id}/rotate rotateKey',
      'get /keys/{id}/usage getKeyUsage',
      'get /usage listUsage',
      'get /projects listConfigurations',
      'get /projects/{id}/configuration getConfiguration',
      'put /projects/{id}/configuration setConfiguration',
      'delete /projects/{id}/configuration clearConfiguration',
      'get /session getSession',
      'get /permissions listPermissions',
      'get /agents listAgents',
      'get /metrics listMetrics',
      'get /audit listAudit',
      'get /audit/export exportAudit',
      'get /audit/verify verifyAudit',
      'post /leaks reportLeak',
      'get /webhooks listWebhookEndpoints',
      'get /webhooks/failed listFailedWebhooks',
      'post /webhooks/failed/{id}/replay replayWebhook',
      'get /reports listReports',
      'get /openapi.json getDocument',
    ]);
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of references) expect(document.components.schemas).toHaveProperty(name as string);
  });

  test('the document marks required parameters', async () => {
    const { paths } = await fetchDocument();
    const required = Object.values(paths).flatMap(({ parameters: _, ...methods }) =>
      Object.values(methods).flatMap(({ operationId, parameters = [] }) =>
        parameters.filter((parameter) => parameter.required).map(({ name }) => `${operationId} ${name}`),
      ),
    );
    expect(required).toEqual(['listUsage keys']);
  });

  test('the document describes a create request with the declared permissions', async () => {
    const problemsOf = strictSchemas(await fetchDocument());
    const check = (body: unknown) => problemsOf('#/components/schemas/KeyCreation', body);
    expect(check(valid)).toEqual([]);
    expect(check({ ...valid, agents: ['a'], expiresIn: '90d' })).toEqual([]);
    for (const wrong of [
      { ...valid, agents: [] },
      { ...valid, permissions: ['admin'] },
      { ...valid, permissions: [] },
      { ...valid, name: '' },
      { ...valid, workspaceId: 'x' },
      { name: 'x' },
    ]) {
      expect(check(wrong)).not.toEqual([]);
    }
  });

  test.each([
    ['name', 100, 'x'],
    ['name', 100, '😀'],
  ])('the documented limit of %s is the one that is kept: %d times %j', async (field, length, character) => {
    const { as } = setup();
    const { KeyCreation } = (await fetchDocument()).components.schemas as Record<
      string,
      { properties: Record<string, Json> }
    >;
    expect(KeyCreation?.properties[field]?.maxLength).toBe(length);
    await as()
      .post('/keys')
      .send({ ...valid, [field]: character.repeat(length) })
      .expect(201);
    await as()
      .post('/keys')
      .send({ ...valid, [field]: character.repeat(length + 1) })
      .expect(400);
  });

  test.each([
    ['agents', 1000, '/keys', 'post', valid],
    ['metrics', 1000, '/projects/p/configuration', 'put', { transcript: true, metrics: [] }],
  ] as const)('the documented length of %s is the one that is kept', async (field, length, url, method, body) => {
    const { as } = setup();
    const list = Array.from({ length: length + 1 }, (_, index) => `${index}`);
    expect(JSON.stringify((await fetchDocument()).components.schemas)).toContain(`"maxItems":${length}`);
    expect(
      (
        await as()
          [method](url)
          .send({ ...body, [field]: list.slice(1) })
      ).status,
    ).toBeLessThan(300);
    await as()
      [method](url)
      .send({ ...body, [field]: list })
      .expect(400);
  });
});

describe.each(expresses)('a client that goes by the document, on %s', (_name, express) => {
  const store = createMemoryStore();
  const made = setup(express, {
    store,
    router: {
      listAgents: () => [{ id: 'support', name: 'Support' }],
      resolveAgent: (name) => (name === 'unknown' ? null : name),
      metricNames: ['CALL_COMPLETED'],
      maxBody: 4096,
    },
  });
  let server: Server;
  let document: Document;
  let problemsOf: ReturnType<typeof strictSchemas>;
  /** Each operation and status that has been seen to answer as documented. */
  const seen = new Set<string>();

  beforeAll(async () => {
    server = made.app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${MOUNT}/openapi.json`;
    document = (await (await fetch(url, { headers: { 'x-user': ADMIN } })).json()) as Document;
    problemsOf = strictSchemas(document);
    base = new URL(document.servers[0]!.url, url).href.replace(/\/$/, '');
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  let base: string;

  /** Calls an operation by its path and method, and holds the answer against the document. */
  async function call(method: string, pathName: string, init: Json = {}, user: string | null = ADMIN) {
    // biome-ignore lint/suspicious/noExplicitAny: the paths are those of a document that is only known when this runs
    const client = createClient<any>({ baseUrl: base, ...(user !== null && { headers: { 'x-user': user } }) });
    const { data, error, response } = await client.request(method as 'get', pathName as never, init as never);
    const body: unknown = data ?? error;
    const operation = document.paths[pathName]?.[method] as Operation;
    const status = String(response.status);
    const documented = operation.responses[status];
    if (!documented) throw new Error(`${operation.operationId} answered ${status}: ${JSON.stringify(body)}`);
    const type = response.headers.get('content-type')?.split(';')[0];
    if (documented.content) {
      expect(Object.keys(documented.content)).toEqual([type]);
      const bodies = type === 'application/jsonl' ? linesOf(String(body)) : [body];
      for (const each of bodies) {
        expect(problemsOf(documented.content[type as string]!.schema.$ref, each)).toEqual([]);
      }
    } else {
      expect(type).toBeUndefined();
      expect(response.headers.get('content-length') ?? '0').toBe('0');
    }
    for (const header of Object.keys(documented.headers ?? {})) {
      if (header !== 'Idempotent-Replayed') expect(response.headers.get(header)).not.toBeNull();
    }
    seen.add(`${operation.operationId} ${status}`);
    return { body: body as Json, response };
  }

  const created = async () => {
    const { body } = await call('post', '/keys', { body: valid });
    return (body as { key: { id: string } }).key.id;
  };
  const at = (id: string, more: Json = {}) => ({ params: { path: { id }, ...more } });
  const NOBODYS = '0000000000000000';

  test('reading keys responds as documented', async () => {
    const id = await created();
    await created();
    const { body } = await call('get', '/keys', {
      params: { query: { sort: 'name', order: 'desc', limit: 1, q: 'c' } },
    });
    await call('get', '/keys', {
      params: { query: { sort: 'name', order: 'desc', limit: 1, q: 'c', cursor: body.cursor } },
    });
    await call('get', '/keys', { params: { query: { limit: 1000 } } });
    await call('get', '/keys/{id}', at(id));
    await call('get', '/keys/{id}', at(NOBODYS));
    await call('get', '/keys/{id}', at(id, { query: { x: 1 } }));
  });

  test('creating keys responds as documented', async () => {
    const header = { 'Idempotency-Key': 'one' };
    await call('post', '/keys', { body: { ...valid, agents: ['a'], expiresAt: '2031-05-01' }, params: { header } });
    await call('post', '/keys', { body: { ...valid, expiresAt: 1_935_360_000_000 }, params: { header } });
    await call('post', '/keys', { body: { ...valid, expiresIn: 1000 } });
    await call('post', '/keys', { body: { ...valid, agents: [] } });
    await call('post', '/keys', { body: { ...valid, name: 'x'.repeat(5000) } });
    await call('post', '/keys', { body: valid, headers: { 'content-type': 'text/plain' } });
    await call('post', '/keys', { body: valid, headers: { 'sec-fetch-site': 'cross-site' } });
    made.clock.advance(3_600_000);
    await call('post', '/keys', { body: { ...valid, agents: ['a'], expiresAt: '2031-05-01' }, params: { header } });
  });

  test('ensuring a key responds as documented', async () => {
    const body = { ...valid, token: generateToken('ks', 'acme').token };
    const always = jest.spyOn(store, 'createKey').mockResolvedValue(false);
    await call('post', '/keys/ensure', { body });
    always.mockRestore();
    await call('post', '/keys/ensure', { body });
    await call('post', '/keys/ensure', { body: { ...body, disabled: true } });
    await call('post', '/keys/ensure', { body: valid });
  });

  test('changes, rotates and deletes keys as documented', async () => {
    const id = await created();
    const body = { name: 'New', permissions: ['handoff'], disabled: true };
    await call('patch', '/keys/{id}', { ...at(id), body });
    await call('patch', '/keys/{id}', { ...at(id, { header: { 'If-Match': '"1"' } }), body });
    await call('patch', '/keys/{id}', { ...at(id), body: { agents: 'all' } });
    await call('patch', '/keys/{id}', { ...at(NOBODYS), body });
    await call('post', '/keys/{id}/rotate', { ...at(id), body: { overlap: 0 } });
    await call('patch', '/keys/{id}', { ...at(id), body: { disabled: false } });
    const rotation = { body: { overlap: '1d', expiresIn: '30d' } };
    const header = { 'Idempotency-Key': 'two' };
    await call('post', '/keys/{id}/rotate', { ...at(NOBODYS), ...rotation });
    await call('post', '/keys/{id}/rotate', { ...at(id, { header: { 'If-Match': '"1"' } }), ...rotation });
    await call('post', '/keys/{id}/rotate', { ...at(id, { header }), ...rotation });
    await call('post', '/keys/{id}/rotate', { ...at(id, { header }), body: { overlap: 0 } });
    await call('post', '/keys/{id}/rotate', { ...at(id), ...rotation });
    await call('post', '/keys/{id}/rotate', { ...at(id), body: {} });
    await call('delete', '/keys/{id}', at(id, { header: { 'If-Match': '"1"' } }));
    await call('delete', '/keys/{id}', at(id, { header: { 'If-Match': '1' } }));
    await call('delete', '/keys/{id}', at(id));
    await call('delete', '/keys/{id}', at(id));
  });

  test('changing all keys of a selection responds as documented', async () => {
    await created();
    for (const url of ['/keys/disable-all', '/keys/revoke-all']) {
      await call('post', url, { body: { status: 'active', metadata: ['a=b'], dryRun: true } });
      await call('post', url, { body: { all: true } });
      await call('post', url, { body: {} });
    }
  });

  test('usage responds as documented', async () => {
    const id = await created();
    made.recorder.count({ record: { id }, counters: null }, 'allowed', made.clock.wall());
    made.recorder.count({ record: { id }, counters: null }, 'permission_denied', made.clock.wall());
    const { body } = await call('get', '/keys/{id}/usage', at(id, { query: { days: 1 } }));
    expect(body).toMatchObject({ days: [{ allowed: 1, denied: 1, reasons: { permission_denied: 1 } }] });
    await call('get', '/keys/{id}/usage', at(id));
    await call('get', '/keys/{id}/usage', at(NOBODYS));
    await call('get', '/keys/{id}/usage', at(id, { query: { days: 91 } }));
    await call('get', '/usage', { params: { query: { keys: `${id},${NOBODYS}`, days: 90 } } });
    await call('get', '/usage');
  });

  test('configuring projects responds as documented', async () => {
    const url = '/projects/{id}/configuration';
    await call('get', url, at('a/b'));
    await call('put', url, { ...at('a/b'), body: { transcript: true, metrics: ['CALL_COMPLETED'] } });
    await call('put', url, { ...at('c'), body: { transcript: false, metrics: 'all' } });
    await call('put', url, { ...at('c'), body: {} });
    await call('get', url, at('a/b'));
    await call('get', url, at('x'.repeat(200)));
    await call('get', url, at('unknown'));
    await call('put', url, { ...at('unknown'), body: { transcript: true, metrics: 'all' } });
    await call('get', '/projects');
    await call('delete', url, at('c'));
    await call('delete', url, at('x'.repeat(200)));
  });

  test('a report of a leak responds as documented', async () => {
    const created = await call('post', '/keys', { body: { name: 'Leaked', permissions: ['conversations'] } });
    const { id } = created.body.key as { id: string };
    const report = (body: object) => call('post', '/leaks', { body: { source: 'support ticket', ...body } });
    expect((await report({ tokenOrId: id, policy: 'disable' })).body).toEqual({ outcome: 'disabled', keyId: id });
    expect((await report({ tokenOrId: id, url: 'https://example.com/paste' })).body.outcome).toBe('revoked');
    expect((await report({ tokenOrId: id })).body.outcome).toBe('already_revoked');
    expect((await report({ tokenOrId: 'not-a-token' })).body).toEqual({ outcome: 'unknown', keyId: null });
    await report({ tokenOrId: id, policy: 'ignore' });
    await report({ tokenOrId: id, source: '' });
    await report({});
    await report({ tokenOrId: '0'.repeat(16) });
  });

  test('webhooks respond as documented', async () => {
    const event = {
      ...({ id: 'e1', type: 'key.created', at: 1, workspaceId: 'acme', target: 'k', name: 'CRM' } as const),
    };
    for (const id of ['d1', 'd2']) {
      const rest = { actor: null, source: null, before: null, after: null };
      const delivery = {
        id,
        url: 'https://example.com/',
        event: { ...event, ...rest },
        attempts: 1,
        lastError: 'Gone.',
      };
      await store.putDelivery(delivery, 'failed', 1);
    }
    await call('get', '/webhooks');
    await call('get', '/webhooks', { params: { query: { x: 1 } } });
    const { body } = await call('get', '/webhooks/failed', { params: { query: { limit: 1 } } });
    await call('get', '/webhooks/failed', { params: { query: { limit: 1, cursor: body.cursor } } });
    await call('get', '/webhooks/failed', { params: { query: { limit: 0 } } });
    await call('post', '/webhooks/failed/{id}/replay', at('d1'));
    await call('post', '/webhooks/failed/{id}/replay', at('d1'));
    await call('post', '/webhooks/failed/{id}/replay', at('d2', { query: { x: 1 } }));
  });

  test('the check and the export of the audit log respond as documented', async () => {
    const { body } = await call('get', '/audit/verify');
    expect(body).toMatchObject({ ok: true });
    await call('get', '/audit/verify', { params: { query: { head: body.head } } });
    await call('get', '/audit/verify', { params: { query: { head: 'x' } } });
    const { body: text } = await call('get', '/audit/export', { parseAs: 'text' });
    const lines = String(text).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines).toHaveLength(Number(body.entries));
    await call('get', '/audit/export', { params: { query: { since: 'x' } } });
  });

  test('reports respond as documented', async () => {
    const event = { method: 'GET', route: '/', keyId: null, workspaceId: 'acme', hint: null } as const;
    const denial = { ...event, code: 'missing_key', reason: 'missing' } as const;
    made.reportRecorder.count({ ...denial, kind: 'denied' });
    made.reportRecorder.count({ ...denial, kind: 'difference', allowed: false, comparedAllowed: true });
    made.reportRecorder.count({ ...event, kind: 'redacted', withheld: ['metrics'], rejection: null, isPartial: false });
    const { body } = await call('get', '/reports', { params: { query: { days: 1 } } });
    expect(body).toMatchObject({ total: 3, other: 0 });
    await call('get', '/reports', { params: { query: { days: 15 } } });
  });

  test('form options, session, audit log and document respond as documented', async () => {
    for (const url of ['/projects', '/session', '/permissions', '/agents', '/metrics', '/audit', '/openapi.json']) {
      await call('get', url);
      await call('get', url, { params: { query: { nonsense: 1 } } });
    }
    const query = { limit: 2, target: 'c', actor: 'admin@acme.test', action: 'project.configured' };
    await call('get', '/audit', { params: { query } });
  });

  test('invalid requests respond as documented', async () => {
    for (const [url, { parameters: _, ...methods }] of Object.entries(document.paths)) {
      for (const [method, { operationId }] of Object.entries(methods)) {
        const init = { ...at(NOBODYS), body: method === 'get' || method === 'delete' ? undefined : {} };
        await call(method, url, init, null);
        expect(seen).toContain(`${operationId} 401`);
        if (method === 'get') continue;
        await call(method, url, init, READER);
        expect(seen).toContain(`${operationId} 403`);
      }
    }
  });

  test('store failures and server errors respond as documented', async () => {
    const trouble = new KeyscopeError('store_unavailable', 'The key store cannot be reached.');
    const getProjects = jest.spyOn(store, 'getProjects').mockRejectedValueOnce(trouble);
    const { response } = await call('get', '/projects');
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    getProjects.mockRejectedValueOnce(new TypeError('unexpected'));
    expect((await call('get', '/projects')).response.status).toBe(500);
  });

  test('all documented statuses of all operations were seen', () => {
    const documented = Object.values(document.paths).flatMap(({ parameters: _, ...methods }) =>
      Object.values(methods).flatMap(({ operationId, responses }) =>
        Object.keys(responses).map((status) => `${operationId} ${status}`),
      ),
    );
    // 413 and 415 are one piece of code for all operations, and so are 500 and 503.
    expect(documented.filter((answer) => !seen.has(answer) && !/ (?:413|415|500|503)$/.test(answer))).toEqual([]);
  });
});
