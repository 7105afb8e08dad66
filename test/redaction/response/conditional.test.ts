import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProxyMiddleware } from 'http-proxy-middleware';
import type { Features } from '../../../src/features';
import { type CachingProxy, cachingProxy } from '../../support/caching-proxy';
import { expresses } from '../../support/express-versions';
import {
  ask,
  closeAll,
  EVERYTHING,
  page,
  redactedPage,
  SECRET,
  type Served,
  SOME_METRICS,
  serve,
  upstream,
} from './harness';

const PAGE = page();
const folder = mkdtempSync(join(tmpdir(), 'keyscope-'));
const FILE = join(folder, 'page.json');
writeFileSync(FILE, PAGE);

afterEach(closeAll);
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(expresses)('%s: conditional and range requests', (_name, express) => {
  const seen: http.IncomingHttpHeaders[] = [];

  /** One route a way, of a project whose features the test may change. */
  async function serving(project: { features: Features }): Promise<Served> {
    const origin = await upstream((req, res) => {
      seen.push(req.headers);
      // An upstream that knows conditions and ranges, and would answer both from the unredacted body.
      res.setHeader('Content-Type', 'application/json');
      res.setHeader('ETag', '"unredacted"');
      if (req.headers['if-none-match']) res.writeHead(304).end();
      else if (req.headers.range) res.writeHead(206, { 'Content-Range': 'bytes 0-9/999' }).end(PAGE.slice(0, 10));
      else res.end(PAGE);
    });
    return serve(
      express,
      (app, redact) => {
        app.use(redact());
        app.get('/json', (_req, res) => void res.json(JSON.parse(PAGE)));
        app.get('/send', (_req, res) => void res.type('json').send(PAGE));
        app.get('/buffer', (_req, res) => void res.type('json').send(Buffer.from(PAGE)));
        app.get('/tagged', (_req, res) => void res.set('ETag', '"mine"').json(JSON.parse(PAGE)));
        app.get('/text', (_req, res) => {
          // A handler with a replacer: the text of Express is redacted.
          res.json({ toJSON: () => JSON.parse(PAGE) });
        });
        app.get('/file', (_req, res) => res.sendFile(FILE));
        app.get('/own', (req, res) => {
          if (req.get('if-none-match') === '"mine"' || req.headers['if-modified-since']) res.status(304).end();
          else res.set('ETag', '"mine"').json(JSON.parse(PAGE));
        });
        app.put('/own', (req, res) => {
          if (req.get('if-match') === '"old"') res.status(412).end();
          else res.json({ updated: true });
        });
        app.get('/raw', (req, res) => {
          res.status(req.rawHeaders.some((name) => /^if-none-match$/i.test(name)) ? 304 : 200).json({ turns: [] });
        });
        app.get('/stubborn', (_req, res) => void res.status(304).end());
        app.use('/proxied', createProxyMiddleware({ target: origin.url }));
      },
      { features: () => project.features },
    );
  }

  test.each(['/json', '/send', '/buffer', '/tagged', '/text'])(
    '%s answers 304 to the tag of the redacted body, and only to that',
    async (path) => {
      const project = { features: SOME_METRICS as Features };
      const served = await serving(project);
      const first = await ask(served.url + path);
      const tag = first.headers.etag!;
      expect(tag).toMatch(/^W\//);
      for (const method of ['GET', 'HEAD']) {
        const second = await ask(served.url + path, { method, headers: { 'if-none-match': `"other", ${tag}` } });
        expect([method, second.status, second.text]).toEqual([method, 304, '']);
        expect(second.headers).toMatchObject({ etag: tag, 'cache-control': 'private', vary: 'x-api-key' });
      }
      const other = await ask(served.url + path, { headers: { 'if-none-match': '"mine"' } });
      expect(other.status).toBe(200);
    },
  );

  test.each(['/json', '/send', '/buffer', '/tagged', '/text'])(
    '%s never confirms the fuller body that a client kept from before the configuration changed',
    async (path) => {
      const project = { features: EVERYTHING };
      const served = await serving(project);
      const full = await ask(served.url + path);
      expect(full.text).toContain(SECRET);
      project.features = SOME_METRICS;
      const conditions = { 'if-none-match': full.headers.etag! };
      const after = await ask(served.url + path, { headers: conditions });
      expect(after.status).toBe(200);
      expect(after.text).not.toContain(SECRET);
      project.features = EVERYTHING;
      expect((await ask(served.url + path, { headers: conditions })).status).toBe(304);
    },
  );

  test.each(['/json', '/send', '/file', '/own', '/proxied', '/raw'])(
    '%s cannot be told by a handler, a file or an upstream to be unchanged',
    async (path) => {
      const served = await serving({ features: SOME_METRICS });
      for (const headers of [
        { 'if-none-match': '*' },
        { 'if-none-match': '"mine"' },
        { 'if-none-match': '"unredacted"' },
        { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' },
        { 'if-match': '"nothing"' },
        { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:01 GMT' },
      ]) {
        const answer = await ask(served.url + path, { headers });
        expect([headers, answer.status]).toEqual([headers, 200]);
      }
    },
  );

  test.each(['/json', '/file', '/proxied'])('%s is sent whole to a client that asks for a part', async (path) => {
    const served = await serving({ features: SOME_METRICS });
    for (const headers of [{ range: 'bytes=0-9' }, { range: 'bytes=0-9', 'if-range': '"unredacted"' }]) {
      const answer = await ask(served.url + path, { headers });
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toEqual(JSON.parse(redactedPage()));
      expect(answer.headers).not.toHaveProperty('accept-ranges');
      expect(answer.headers).not.toHaveProperty('content-range');
    }
  });

  test('an upstream is asked for the whole, unconditionally, without compression; its tag does not leave', async () => {
    seen.length = 0;
    const served = await serving({ features: SOME_METRICS });
    const answer = await ask(`${served.url}/proxied`, {
      headers: { range: 'bytes=0-1', 'if-none-match': '"unredacted"', 'accept-encoding': 'gzip, br' },
    });
    expect(answer.text).toBe(redactedPage());
    expect(answer.headers).not.toHaveProperty('etag');
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ 'accept-encoding': 'identity' });
    for (const name of ['range', 'if-none-match']) expect(seen[0]).not.toHaveProperty(name);
  });

  test('conditions of requests that change something stay: they guard against lost updates', async () => {
    const served = await serving({ features: SOME_METRICS });
    const conflict = await ask(`${served.url}/own`, { method: 'PUT', headers: { 'if-match': '"old"' } });
    expect(conflict.status).toBe(412);
    const updated = await ask(`${served.url}/own`, { method: 'PUT', headers: { 'if-match': '"new"' } });
    expect(updated.text).toBe('{"updated":true}');
  });

  test('a 304 is rejected when the handler did not receive the conditions', async () => {
    const served = await serving({ features: SOME_METRICS });
    const answer = await ask(`${served.url}/stubborn`, { headers: { 'if-none-match': '"fuller"' } });
    expect(answer.status).toBe(500);
    expect((await ask(`${served.url}/stubborn`)).status).toBe(304);
  });

  test('a handler that answers with a part is refused', async () => {
    const served = await serve(express, (app, redact) => {
      app.get('/', redact(), (_req, res) => void res.status(206).type('json').end(PAGE));
      app.get('/json', redact(), (_req, res) => void res.status(206).json({}));
    });
    for (const path of ['/', '/json']) expect((await ask(served.url + path)).status).toBe(500);
  });
});

describe.each(expresses)('%s: a shared cache between two callers', (_name, express) => {
  let cache: CachingProxy;
  afterEach(() => cache.close());

  /** The key says which project's configuration applies. */
  async function behindCache(redacted: boolean, headers: Record<string, string>): Promise<Served> {
    const features = new Map<string | undefined, Features>([['full', EVERYTHING]]);
    const served = await serve(
      express,
      (app, redact) => {
        if (redacted) app.use(redact({ project: (req) => req.get('x-api-key') }));
        app.get('/json', (_req, res) => void res.set(headers).json(JSON.parse(PAGE)));
        app.get('/end', (_req, res) => void res.set(headers).type('json').end(PAGE));
        app.get('/file', (_req, res) => res.sendFile(FILE, { headers }));
      },
      { features: (id) => features.get(id) ?? SOME_METRICS },
    );
    cache = await cachingProxy(served.url);
    return served;
  }

  const POLICIES: Record<string, string>[] = [
    {},
    { 'Cache-Control': 'public, max-age=600' },
    { 'Cache-Control': 's-maxage=600' },
    { 'Cache-Control': 'no-cache' },
  ];

  test.each(POLICIES)('each caller gets its own response, with %j', async (headers) => {
    await behindCache(true, headers);
    for (const path of ['/json', '/end', '/file']) {
      for (const key of ['full', 'less', 'full', 'less']) {
        const answer = await ask(cache.url + path, { headers: { 'x-api-key': key } });
        expect(answer.status).toBe(200);
        expect([path, key, answer.text.includes(SECRET)]).toEqual([path, key, key === 'full']);
        expect(answer.headers.redacted).toBe(key === 'full' ? undefined : 'transcript, metrics');
      }
    }
    expect(cache.counts.hits).toBe(0);
  });

  test('a cache would mix responses if Cache-Control did not say private', async () => {
    await behindCache(false, { 'Cache-Control': 'public, max-age=600' });
    await ask(`${cache.url}/json`, { headers: { 'x-api-key': 'full' } });
    const answer = await ask(`${cache.url}/json`, { headers: { 'x-api-key': 'less' } });
    expect(answer.text).toContain(SECRET);
    expect(cache.counts.hits).toBe(1);
  });
});
