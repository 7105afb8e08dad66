import type { Response } from 'express';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, EVERYTHING, page, serve } from './harness';

const PAGE = page();

afterEach(closeAll);

describe.each(expresses)('%s: headers', (_name, express) => {
  async function answering(answer: (res: Response) => void, options: Parameters<typeof serve>[2] = {}) {
    return serve(express, (app, redact) => app.get('/', redact(), (_req, res) => answer(res)), options);
  }

  describe('headers that describe the unredacted body', () => {
    const ABOUT_THE_BODY = {
      ETag: '"v1"',
      'Last-Modified': 'Sun, 22 Nov 2026 00:00:00 GMT',
      'Accept-Ranges': 'bytes',
      'Content-MD5': 'Q2hlY2sgSW50ZWdyaXR5IQ==',
      Digest: 'sha-256=abc',
      'Content-Digest': 'sha-256=:abc:',
      'Repr-Digest': 'sha-256=:abc:',
    };
    const sends: Record<string, (res: Response) => unknown> = {
      json: (res) => res.json(JSON.parse(PAGE)),
      send: (res) => res.type('json').send(PAGE),
      end: (res) => res.type('json').end(PAGE),
      write: (res) => {
        res.type('json').write(PAGE);
        res.end();
      },
    };

    test.each(Object.keys(sends))('a header that describes the unredacted body is removed after %s', async (name) => {
      const served = await answering((res) => {
        res.set(ABOUT_THE_BODY).set('Content-Length', String(Buffer.byteLength(PAGE)));
        sends[name]!(res);
      });
      for (const method of ['GET', 'HEAD']) {
        const { headers, body } = await ask(served.url, { method });
        const { etag, ...others } = headers;
        // Express computes a tag of the redacted body.
        expect(etag).not.toBe('"v1"');
        for (const header of Object.keys(ABOUT_THE_BODY)) expect(others).not.toHaveProperty(header.toLowerCase());
        expect(headers['content-length']).not.toBe(String(Buffer.byteLength(PAGE)));
        if (method === 'GET' && headers['content-length']) expect(headers['content-length']).toBe(String(body.length));
      }
    });

    test.each([
      [undefined, 'private'],
      ['public, max-age=60', 'private, max-age=60'],
      ['max-age=60, s-maxage=600, proxy-revalidate', 'private, max-age=60'],
      ['no-store', 'no-store'],
      ['public, no-store', 'no-store'],
      ['private="set-cookie, etag", max-age=5', 'private, max-age=5'],
      ['no-cache="set-cookie, x", must-revalidate, public', 'private, no-cache="set-cookie, x", must-revalidate'],
      ['PUBLIC', 'private'],
    ])('Cache-Control %s becomes %s', async (given, expected) => {
      const served = await answering((res) => {
        if (given) res.set('Cache-Control', given);
        res.set({ 'Surrogate-Control': 'max-age=9', 'CDN-Cache-Control': 'max-age=9', 'X-Accel-Expires': '9' });
        res.json({});
      });
      const { headers } = await ask(served.url);
      expect(headers['cache-control']).toBe(expected);
      for (const name of ['surrogate-control', 'cdn-cache-control', 'x-accel-expires']) {
        expect(headers).not.toHaveProperty(name);
      }
    });

    test.each([
      [undefined, 'x-api-key'],
      ['Accept', 'Accept, x-api-key'],
      ['X-Api-Key', 'X-Api-Key'],
      ['*', '*'],
    ])('Vary %s becomes %s', async (given, expected) => {
      const served = await answering((res) => {
        if (given) res.set('Vary', given);
        res.json({});
      });
      expect((await ask(served.url)).headers.vary).toBe(expected);
    });
  });

  describe('Redacted', () => {
    const bodies = (res: Response): void => void res.json(JSON.parse(PAGE));

    test.each([
      [{ transcript: false, metrics: [] }, 'transcript, metrics'],
      [{ transcript: false, metrics: 'all' as const }, 'transcript'],
      [{ transcript: true, metrics: ['A'] }, 'metrics'],
      [EVERYTHING, undefined],
    ])('the Redacted header of a project with %j is %s', async (features, expected) => {
      const served = await answering(bodies, { features: () => features });
      for (const method of ['GET', 'HEAD']) {
        expect((await ask(served.url, { method })).headers.redacted).toBe(expected);
      }
      const names = expected?.split(', ');
      expect(served.withheld).toEqual(names ? [names, names] : []);
    });

    test('the Redacted header of a body that mixes projects lists the removed features when the body is whole', async () => {
      const features = (id: string | undefined) => ({ transcript: id === 'A' || id === 'B', metrics: 'all' as const });
      const text = (ids: string[]) =>
        JSON.stringify({ conversations: ids.map((project_id) => ({ project_id, turns: [1], metrics: { M: 1 } })) });
      const served = await serve(
        express,
        (app, redact) => {
          app.get('/json', redact(), (req, res) => void res.json(JSON.parse(text(req.query.ids as string[]))));
          app.get('/end', redact(), (req, res) => void res.type('json').end(text(req.query.ids as string[])));
          app.get('/write', redact(), (req, res) => {
            res.type('json').write(text(req.query.ids as string[]));
            res.end();
          });
        },
        { routeProject: null, features },
      );
      const redacted = async (path: string) => (await ask(served.url + path)).headers.redacted;
      for (const path of ['/json', '/end']) {
        expect(await redacted(`${path}?ids=A&ids=B`)).toBeUndefined();
        expect(await redacted(`${path}?ids=A&ids=C`)).toBe('transcript');
      }
      // The head of a stream is sent before the projects of its conversations are known.
      expect(await redacted('/write?ids=A&ids=B')).toBe('transcript, metrics');
    });

    test('the Redacted header keeps the features that an upstream lists', async () => {
      const served = await answering(
        (res) => {
          res.set('Redacted', 'metrics');
          res.type('json').end('{}');
        },
        { features: () => ({ transcript: false, metrics: 'all' }) },
      );
      expect((await ask(served.url)).headers.redacted).toBe('transcript, metrics');
    });
  });

  describe('HEAD', () => {
    test('HEAD has the head that GET has, tag and length included', async () => {
      const served = await serve(express, (app, redact) => {
        app.get('/json', redact(), (_req, res) => void res.json(JSON.parse(PAGE)));
        app.get('/send', redact(), (_req, res) => void res.type('json').send(PAGE));
        app.get('/buffer', redact(), (_req, res) => void res.type('json').send(Buffer.from(PAGE)));
      });
      for (const path of ['/json', '/send', '/buffer']) {
        const get = await ask(served.url + path);
        const head = await ask(served.url + path, { method: 'HEAD' });
        expect({ ...head.headers, date: '' }).toEqual({ ...get.headers, date: '' });
        expect(head.headers['content-length']).toBe(String(get.body.length));
        expect(head.text).toBe('');
      }
    });

    test('HEAD has no length when only that of the unredacted body is known', async () => {
      const served = await serve(express, (app, redact) => {
        app.get('/', redact(), (_req, res) => {
          res.type('json').set('Content-Length', String(Buffer.byteLength(PAGE)));
          res.write(PAGE);
          res.end(PAGE);
        });
        app.get('/coded', redact(), (_req, res) => {
          res.type('json').set({ 'Content-Encoding': 'gzip', 'Content-Length': '99' }).end();
        });
      });
      for (const path of ['/', '/coded']) {
        const { headers, text, status } = await ask(served.url + path, { method: 'HEAD' });
        expect([status, text]).toEqual([200, '']);
        expect(headers).not.toHaveProperty('content-length');
        expect(headers).not.toHaveProperty('content-encoding');
      }
    });
  });
});
