import http from 'node:http';
import { gzipSync } from 'node:zlib';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, page, redactedPage, SECRET, serve } from './harness';

// A thousand responses, or hundreds of megabytes, take longer on a busy machine.
jest.setTimeout(180_000);

const PAGE = page();

afterEach(closeAll);

describe.each(expresses)('%s', (_name, express) => {
  test('two redactions on one response withhold what either withholds', async () => {
    const served = await serve(
      express,
      (app, redact) => {
        app.use(redact({ project: () => 'no transcript' }));
        app.get('/', redact({ project: () => 'no metrics' }), (req, res) => {
          if (req.query.way === 'json') res.json(JSON.parse(PAGE));
          else if (req.query.way === 'end') res.type('json').end(PAGE);
          else res.type('json').set('Content-Encoding', 'gzip').end(gzipSync(PAGE));
        });
      },
      {
        features: (id) =>
          id === 'no metrics'
            ? { transcript: true, metrics: ['CALL_COMPLETED'] }
            : { transcript: false, metrics: 'all' },
      },
    );
    const expected = JSON.parse(redactedPage());
    for (const way of ['json', 'end', 'gzip']) {
      const { text, headers } = await ask(`${served.url}/?way=${way}`);
      expect(JSON.parse(text)).toEqual(expected);
      expect(headers.redacted).toBe('transcript, metrics');
      expect(headers.vary).toBe('x-api-key');
    }
  });

  test('a thousand responses at once, each with its own project, do not mix', async () => {
    const served = await serve(
      express,
      (app, redact) => {
        app.get('/:project', redact({ project: 'project' }), async (req, res) => {
          const { project } = req.params;
          const body = { id: project, turns: [project], metrics: { [String(project)]: 1, other: 2 } };
          if (Number(project) % 3 === 0) {
            res.json(body);
            return;
          }
          res.type('json');
          for (const part of JSON.stringify(body).match(/.{1,15}/g) ?? []) {
            res.write(part);
            if (Number(project) % 3 === 1) await new Promise(setImmediate);
          }
          res.end();
        });
      },
      { features: (id) => ({ transcript: Number(id) % 2 === 0, metrics: [String(id)] }) },
    );
    const agent = new http.Agent({ maxSockets: 100, keepAlive: true });
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const chunks: Buffer[] = [];
        await new Promise<void>((resolve, reject) => {
          http
            .get(`${served.url}/${i}`, { agent }, (response) => {
              response.on('data', (chunk) => chunks.push(chunk)).on('end', resolve);
            })
            .on('error', reject);
        });
        return Buffer.concat(chunks).toString();
      }),
    );
    agent.destroy();
    for (const [i, text] of answers.entries()) {
      const id = String(i);
      expect(JSON.parse(text)).toEqual({ id, turns: i % 2 === 0 ? [id] : [], metrics: { [id]: 1 } });
    }
  });

  test('routes without redaction are not touched', async () => {
    const served = await serve(express, (app, redact) => {
      app.get('/redacted', redact(), (_req, res) => void res.json({ turns: [1] }));
      app.get('/plain', (_req, res) => {
        for (const method of ['write', 'end', 'writeHead', 'json', '_send', 'on']) {
          expect(Object.hasOwn(res, method)).toBe(false);
        }
        res.set('Accept-Ranges', 'bytes').json({ turns: [SECRET] });
      });
    });
    await ask(`${served.url}/redacted`);
    const { headers, text } = await ask(`${served.url}/plain`);
    expect(text).toContain(SECRET);
    expect(headers).toMatchObject({ 'accept-ranges': 'bytes' });
    for (const added of ['redacted', 'vary', 'cache-control']) expect(headers).not.toHaveProperty(added);
  });
});
