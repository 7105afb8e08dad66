import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KeyscopeError } from '../../src/errors';
import { createMemoryStore } from '../../src/store/memory';
import { expresses } from '../support/express-versions';
import { waitUntil } from '../support/wait-until';
import { ADMIN, EVE, MOUNT, READER, setup, valid } from './setup';

const linesOf = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { id: string; action: string; hash: string; previous: string | null });

describe.each(expresses)('on %s', (_name, express) => {
  test('GET /audit/export sends the entries of the workspace as the function yields them', async () => {
    const { as, audit } = setup(express);
    const { key } = (await as().post('/keys').send(valid).expect(201)).body;
    await as().delete(`/keys/${key.id}`).expect(204);
    await as(EVE).post('/keys').send(valid).expect(201);
    const { text, headers } = await as(READER).get('/audit/export').buffer().expect(200);
    expect(headers).toMatchObject({
      'content-type': 'application/jsonl; charset=utf-8',
      'content-disposition': 'attachment; filename="audit.jsonl"',
      'cache-control': 'no-store',
    });
    const expected: string[] = [];
    for await (const entry of audit.export({ workspaceId: 'acme' })) expected.push(`${JSON.stringify(entry)}\n`);
    expect(text).toBe(expected.join(''));
    const [first, second] = linesOf(text);
    expect(second!.previous).toBe(`${first!.id}:${first!.hash}`);
    const { text: rest } = await as().get(`/audit/export?since=${first!.id}`).buffer().expect(200);
    expect(linesOf(rest).map(({ action }) => action)).toEqual(['key.deleted']);
    expect((await as().get(`/audit/export?since=${second!.id}`).buffer().expect(200)).text).toBe('');
    expect((await as().head('/audit/export').expect(200)).text).toBeUndefined();
  });

  test('GET /audit/export responds with a problem when the log cannot be read, and 400 for an unknown form of id', async () => {
    const store = createMemoryStore();
    const trouble = new KeyscopeError('store_unavailable', 'The key store cannot be reached.');
    jest.spyOn(store, 'readAudit').mockRejectedValue(trouble);
    const { as } = setup(express, { store });
    expect((await as().get('/audit/export').expect(503)).body).toMatchObject({ code: 'store_unavailable' });
    expect((await as().get('/audit/export?since=x').expect(400)).body).toMatchObject({ issues: [{ path: 'since' }] });
    await as(null).get('/audit/export').expect(401);
  });

  test('GET /audit/export ends the connection when the log cannot be read to its end', async () => {
    const store = createMemoryStore();
    const { app, as, reported } = setup(express, { store });
    for (let i = 0; i < 201; i++)
      await as().put(`/projects/p${i}/configuration`).send({ transcript: true, metrics: [] });
    const { readAudit } = store;
    const trouble = new KeyscopeError('store_unavailable', 'The key store cannot be reached.');
    jest
      .spyOn(store, 'readAudit')
      .mockImplementation((range) => (range.from === null ? readAudit(range) : Promise.reject(trouble)));
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}${MOUNT}/audit/export`;
    const [response] = (await once(get(url, { headers: { 'x-user': ADMIN } }), 'response')) as [IncomingMessage];
    let text = '';
    response.on('data', (data) => {
      text += data;
    });
    const [error] = (await once(response, 'error')) as [Error];
    expect(error.message).toBe('aborted');
    expect(linesOf(text).length).toBeLessThanOrEqual(200);
    await waitUntil('the failure is reported', () => reported.length === 1);
    expect(reported[0]).toBe(trouble);
    server.close();
  });

  test('GET /audit/export reads no further when the client has left', async () => {
    const store = createMemoryStore();
    const { app, as, reported } = setup(express, { store });
    await as().post('/keys').send(valid).expect(201);
    const [entry] = await store.readAudit({ workspaceId: 'acme', from: null, limit: 1 });
    let reads = 0;
    jest.spyOn(store, 'readAudit').mockImplementation(async () => {
      reads += 1;
      return Array.from({ length: 200 }, (_, i) => ({ ...entry!, id: `${reads}-${i + 1}` }));
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const request = get(`http://127.0.0.1:${port}${MOUNT}/audit/export`, { headers: { 'x-user': ADMIN } });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.on('error', () => {});
    response.destroy();
    const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    await waitUntil('the connection is closed', async () => (await connections()) === 0);
    const before = reads;
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(reads).toBe(before);
    expect(reported).toEqual([]);
    server.close();
  });

  test('GET /audit/verify reports a fault as a result', async () => {
    const store = createMemoryStore();
    const { as } = setup(express, { store });
    await as().post('/keys').send(valid).expect(201);
    const { body } = await as().get('/audit/verify').expect(200);
    expect(body).toMatchObject({ ok: true, entries: 1, unchained: 0, fault: null });
    expect((await as().get(`/audit/verify?head=${body.head}`).expect(200)).body).toEqual(body);
    const other = `1-0:${'0'.repeat(40)}`;
    expect((await as().get(`/audit/verify?head=${other}`).expect(200)).body).toMatchObject({
      ok: false,
      fault: { kind: 'removed' },
    });
    expect((await as().get('/audit/verify?head=x').expect(400)).body).toMatchObject({ issues: [{ path: 'head' }] });
  });
});
