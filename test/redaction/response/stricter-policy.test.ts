import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import compression from 'compression';
import type { RequestHandler, Response } from 'express';
import type { Features } from '../../../src/features';
import type { RedactOptions } from '../../../src/redaction/options';
import { expresses } from '../../support/express-versions';
import { waitUntil } from '../../support/wait-until';
import { ask, closeAll, EVERYTHING, SECRET, type Served, serve } from './harness';

afterEach(closeAll);

const CLOSED: Features = { transcript: false, metrics: [] };
const turn = `{"turns":["${SECRET}"]}`;
/** Milliseconds between two looks at the policy. The real interval is a quarter of `maxRevocationLag`. */
const CHECK_INTERVAL = 30;

/** Bodies that pass through unparsed if everything is enabled, and are under way when something is disabled. */
const BODIES: Record<string, (res: Response) => unknown> = {
  'one JSON value': (res) => res.type('json').write(`[${turn}`),
  'a JSON value with a length': (res) => res.type('json').set('Content-Length', '1000').write(`[${turn}`),
  'a text': (res) => res.type('text').write(SECRET),
  'a file that no project may have': (res) => res.type('audio/mpeg').write(SECRET),
  'compressed lines': (res) => {
    res.set({ 'Content-Type': 'application/x-ndjson', 'Content-Encoding': 'gzip' }).write(randomBytes(100));
  },
  'a body without a type': (res) => res.write(SECRET),
  'an error': (res) => res.status(500).type('html').write(SECRET),
};

describe.each(expresses)('%s: a configuration that becomes stricter while a response is open', (_name, express) => {
  let features: Features;

  async function serving(send: (res: Response) => unknown, passthrough: string[] = []): Promise<Served> {
    features = EVERYTHING;
    return serve(express, (app, redact) => app.get('/', redact({ passthrough }), (_req, res) => void send(res)), {
      features: () => features,
      deps: { checkInterval: CHECK_INTERVAL },
    });
  }

  function connections(server: http.Server): Promise<number> {
    return new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  /** The first bytes of a response, and a promise of its end. */
  async function begin({ url }: Served) {
    const request = http.get(url, { agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let cut = false;
    response.on('error', () => {
      cut = true;
    });
    const closed = new Promise<boolean>((resolve) => response.on('close', () => resolve(cut)));
    await once(response, 'data');
    return { response, closed };
  }

  test.each(Object.entries(BODIES))('redactResponse closes the connection when the body is %s', async (_body, send) => {
    const served = await serving(send);
    const { response, closed } = await begin(served);
    features = CLOSED;
    response.resume();
    expect(await closed).toBe(true);
  });

  test.each([
    ['lines', 'application/x-ndjson', `[${turn}`, `,${turn}`],
    ['texts of a sequence', 'application/json-seq', `\x1e[${turn}`, `,${turn}`],
    ['events', 'text/event-stream', `data: ${turn}\n`, `data: ${turn}\n`],
  ])('redactResponse closes the connection when one of the %s has no end', async (_what, type, first, next) => {
    const served = await serving((res) => {
      res.type(type).write(first);
      const timer = setInterval(() => res.write(next), CHECK_INTERVAL / 3);
      res.on('close', () => clearInterval(timer));
    });
    const { response, closed } = await begin(served);
    features = CLOSED;
    response.resume();
    expect(await closed).toBe(true);
  });

  describe('when the project had something else disabled from the start', () => {
    const SOME: Features = { transcript: true, metrics: ['CALL_COMPLETED'] };

    /** Sends `next` again and again until the connection is closed. */
    async function servingPieces(type: string, first: string, next: string, redact: RedactOptions = {}) {
      features = SOME;
      const served = await serve(
        express,
        (app, redactResponse) => {
          app.get('/', redactResponse(redact), (_req, res) => {
            res.type(type).write(first);
            const timer = setInterval(() => res.write(next), CHECK_INTERVAL / 3);
            res.on('close', () => clearInterval(timer));
          });
        },
        { features: () => features, deps: { checkInterval: CHECK_INTERVAL } },
      );
      return begin(served);
    }

    test.each<[string, string, string, string, RedactOptions]>([
      ['a list of conversations', 'json', `[${turn}`, `,${turn}`, {}],
      ['one transcript', 'json', `{"turns":["${SECRET}"`, `,"${SECRET}"`, {}],
      ['a line', 'application/x-ndjson', `[${turn}`, `,${turn}`, {}],
      ['the second of two values', 'json', `{"id":1}[${turn}`, `,${turn}`, {}],
      [
        'a list of conversations of several projects',
        'json',
        `[{"project_id":"PROJECT-1","turns":["${SECRET}"]}`,
        `,{"project_id":"PROJECT-1","turns":["${SECRET}"]}`,
        { project: { member: 'project_id' } },
      ],
    ])('redactResponse closes the connection when %s has no end', async (_what, type, first, next, redact) => {
      const { response, closed } = await servingPieces(type, first, next, redact);
      features = CLOSED;
      response.resume();
      expect(await closed).toBe(true);
    });

    /** More than the buffers of a connection take. */
    const LARGE = Array.from({ length: 40 }, () => ({
      project_id: 'PROJECT-1',
      turns: [SECRET.repeat(100_000)],
    }));
    const largeText = JSON.stringify(LARGE);
    const largeLines = LARGE.map((conversation) => `${JSON.stringify(conversation)}\n`).join('');

    test.each<[string, (res: Response) => unknown, RedactOptions]>([
      ['json', (res) => res.json(LARGE), {}],
      ['json, of several projects', (res) => res.json(LARGE), { project: { member: 'project_id' } }],
      ['send', (res) => res.type('json').send(largeText), {}],
      ['end', (res) => res.type('json').end(largeText), {}],
      ['write, without end', (res) => res.type('json').write(largeText), {}],
      [
        'write in pieces, without end',
        (res) => [res.type('json').write(largeText.slice(0, -1)), res.write(']'), res.write('\n')],
        { project: { member: 'project_id' } },
      ],
      ['write and end', (res) => [res.type('json').write(largeText), res.end()], {}],
      ['lines', (res) => [res.type('application/x-ndjson').write(largeLines), res.end()], {}],
      [
        'lines, of several projects',
        (res) => res.type('application/x-ndjson').end(largeLines),
        { project: { member: 'project_id' } },
      ],
    ])(
      'redactResponse closes the connection when a whole body waits for its client: %s',
      async (_way, send, redact) => {
        features = SOME;
        const served = await serve(
          express,
          (app, redactResponse) => app.get('/', redactResponse(redact), (_req, res) => void send(res)),
          { features: () => features, deps: { checkInterval: CHECK_INTERVAL } },
        );
        const { response, closed } = await begin(served);
        response.pause();
        features = CLOSED;
        const socket = response.socket;
        await waitUntil('the connection is closed by the server', async () => (await connections(served.server)) === 0);
        socket.destroy();
        response.resume();
        await closed;
      },
    );

    /** Keeps everything that is written. */
    const hold: RequestHandler = (_req, res, next) => {
      res.write = () => true;
      res.end = () => res;
      next();
    };

    test.each<[string, RequestHandler, (res: Response) => unknown, Features?]>([
      ['middleware that writes later, json that passes', hold, (res) => res.json(JSON.parse(turn)), EVERYTHING],
      ['middleware that writes later, write that passes', hold, (res) => res.type('json').write(turn), EVERYTHING],
      [
        'compression, write that passes',
        compression({ threshold: 0 }),
        (res) => res.type('json').write(turn),
        EVERYTHING,
      ],
      ['compression, write', compression({ threshold: 0 }), (res) => res.type('json').write(turn)],
      [
        'compression, write in pieces and white space',
        compression({ threshold: 0 }),
        (res) => [res.type('json').write(turn.slice(0, 9)), res.write(turn.slice(9)), res.write('\n')],
      ],
      ['middleware that writes later, write', hold, (res) => res.type('json').write(turn)],
      ['middleware that writes later, json', hold, (res) => res.json(JSON.parse(turn))],
      ['middleware that writes later, lines', hold, (res) => res.type('application/x-ndjson').end(`${turn}\n`)],
    ])(
      'redactResponse closes the connection when a whole body may be held before it: %s',
      async (_way, before, send, enabled = SOME) => {
        features = enabled;
        let isClosed = false;
        const { url } = await serve(
          express,
          (app, redactResponse) =>
            app.get('/', before, redactResponse(), (_req, res) => {
              res.on('close', () => {
                isClosed = true;
              });
              send(res);
              features = CLOSED;
            }),
          { features: () => features, deps: { checkInterval: CHECK_INTERVAL } },
        );
        const request = http.get(url, { agent: false, headers: { 'Accept-Encoding': 'gzip' } });
        request.on('error', () => {});
        await waitUntil('the connection is closed by the server', () => isClosed, 5000);
      },
    );

    test('redactResponse closes the connection when one of 1,100 projects of a waiting body disables something', async () => {
      features = SOME;
      const others = Array.from({ length: 1100 }, (_, i) => ({ project_id: `PROJECT-${i + 2}`, turns: [] }));
      const served = await serve(
        express,
        (app, redactResponse) => {
          const redact = redactResponse({ project: { member: 'project_id' } });
          app.get('/', redact, (_req, res) => void res.json([...LARGE, ...others]));
        },
        { features: (id) => (id === 'PROJECT-1' ? features : SOME), deps: { checkInterval: CHECK_INTERVAL } },
      );
      const { response, closed } = await begin(served);
      response.pause();
      features = CLOSED;
      const { socket } = response;
      await waitUntil('the connection is closed by the server', async () => (await connections(served.server)) === 0);
      socket.destroy();
      response.resume();
      await closed;
    });

    test.each([
      ['only more is enabled', EVERYTHING],
      ['a metric is enabled', { transcript: true, metrics: ['CALL_COMPLETED', 'CSAT'] }],
      ['the same is enabled again', { transcript: true, metrics: ['CALL_COMPLETED'] }],
    ])('redactResponse leaves a JSON value open when %s', async (_change, changed: Features) => {
      const { response, closed } = await servingPieces('json', `[${turn}`, `,${turn}`);
      features = changed;
      // Another response, which passes through and is looked at three times as rarely, is closed when this one has been looked at.
      let others = EVERYTHING;
      const other = await serve(
        express,
        (app, redact) => app.get('/', redact(), (_req, res) => void res.type('text').write('text')),
        { features: () => others, deps: { checkInterval: CHECK_INTERVAL * 3 } },
      );
      const closing = await begin(other);
      others = CLOSED;
      closing.response.resume();
      response.resume();
      expect(await closing.closed).toBe(true);
      expect(response.destroyed).toBe(false);
      response.destroy();
      await closed;
    });

    test('redactResponse redacts the next of several JSON values when the one before is complete', async () => {
      const { response } = await servingPieces('json', turn, ` ${turn}`);
      features = CLOSED;
      let rest = '';
      for await (const chunk of response) {
        rest += String(chunk);
        if (rest.split('[]').length > 20) break;
      }
      expect(rest.replaceAll(' {"turns":[]}', '').length).toBeLessThan(20 * turn.length);
    });
  });

  test.each<[string, RedactOptions]>([
    ['lines', {}],
    ['lines of several projects', { project: { member: 'project_id' } }],
  ])(
    'redactResponse closes the connection when %s that passed and were ended wait for their client',
    async (_what, redact) => {
      features = EVERYTHING;
      const line = `${JSON.stringify({ project_id: 'PROJECT-1', turns: [SECRET.repeat(100_000)] })}\n`;
      const served = await serve(
        express,
        (app, redactResponse) =>
          app.get('/', redactResponse(redact), (_req, res) => {
            res.type('application/x-ndjson');
            for (let i = 0; i < 40; i++) res.write(line);
            res.end();
          }),
        { features: () => features, deps: { checkInterval: CHECK_INTERVAL } },
      );
      const { response, closed } = await begin(served);
      response.pause();
      features = CLOSED;
      const socket = response.socket;
      await waitUntil('the connection is closed by the server', async () => (await connections(served.server)) === 0);
      socket.destroy();
      response.resume();
      await closed;
    },
  );

  test('redactResponse leaves a stream open when no record is under way', async () => {
    for (const [type, first, next] of [
      ['application/x-ndjson', `${turn}\n`, '{"turns":[]}\n'],
      ['application/json-seq', `\x1e${turn}\n\x1e`, '{"turns":[]}\n'],
      ['text/event-stream', `data: ${turn}\n\nid: 1\n:\n`, 'data: {"turns":[]}\n\n'],
    ] as const) {
      let finish: () => unknown = () => {};
      const served = await serving((res) => {
        finish = () => res.end(next.replace('[]', `["${SECRET}"]`));
        res.type(type).write(first);
      });
      const { response, closed } = await begin(served);
      features = CLOSED;
      const rest: Buffer[] = [];
      response.on('data', (chunk: Buffer) => rest.push(chunk));
      // Another response, which passes through, is closed by the check that looks at both.
      const other = await serving((res) => res.type('text').write('x'));
      const { closed: checked } = await begin(other).then((begun) => {
        features = CLOSED;
        begun.response.resume();
        return begun;
      });
      expect(await checked).toBe(true);
      finish();
      expect(await closed).toBe(false);
      expect(Buffer.concat(rest).toString()).toBe(next);
    }
  });

  test('redactResponse closes the connection when the handler has ended and the client has not read all of it', async () => {
    const served = await serving((res) => res.type('json').end(JSON.stringify({ turns: [SECRET.repeat(3_000_000)] })));
    const { response, closed } = await begin(served);
    response.pause();
    features = CLOSED;
    // The server notices while the client reads nothing.
    await new Promise<void>((resolve) => {
      const wait = (): void => {
        served.server.getConnections((_error, count) => (count === 0 ? resolve() : setTimeout(wait, 10)));
      };
      wait();
    });
    response.resume();
    expect(await closed).toBe(true);
  });

  test('redactResponse leaves the response open when its type is in passthrough', async () => {
    const served = await serving((res) => res.type('audio/mpeg').write('sound'), ['audio/mpeg']);
    const other = await serve(
      express,
      (app, redact) => app.get('/', redact(), (_req, res) => void res.type('text').write('text')),
      { features: () => features, deps: { checkInterval: CHECK_INTERVAL * 3 } },
    );
    const [kept, closing] = [await begin(served), await begin(other)];
    features = CLOSED;
    kept.response.resume();
    closing.response.resume();
    // Looked at three times as rarely, the other one is closed when this one has been looked at.
    expect(await closing.closed).toBe(true);
    expect(kept.response.destroyed).toBe(false);
    kept.response.destroy();
  });

  test.each(['json', 'text', 'application/x-ndjson'])(
    'redactResponse sends nothing of a body when only its head has been sent: %s',
    async (type) => {
      const served = await serving((res) => {
        res.type(type).flushHeaders();
        setImmediate(() => {
          features = CLOSED;
          res.end(`${turn}\n`);
        });
      });
      const response = await ask(served.url);
      expect(response.text).not.toContain(SECRET);
      expect(response.cut).toBe(type === 'text');
    },
  );
});
