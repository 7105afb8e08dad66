import zlib from 'node:zlib';
import type { Response } from 'express';
import type { Features } from '../../../src/features';
import type { RedactOptions } from '../../../src/redaction/options';
import { expresses } from '../../support/express-versions';
import { waitUntil } from '../../support/wait-until';
import { ask, closeAll, EVERYTHING, type Served, serve } from './harness';

afterEach(closeAll);

const CLOSED: Features = { transcript: false, metrics: [] };
const said = (project: string) => JSON.stringify({ project_id: project, turns: ['said'], metrics: { a: 1 } });
const withheld = (project: string) => JSON.stringify({ project_id: project, turns: [], metrics: {} });

/** A stream in which the policy changes between two records. */
describe.each(expresses)('%s: a policy that changes during a stream', (_name, express) => {
  async function answers(
    send: (res: Response, next: () => void) => void,
    before: Features,
    after: Features,
    routeProject: string | null,
    options: RedactOptions = {},
  ): Promise<string> {
    let features = before;
    const served: Served = await serve(
      express,
      (app, redact) => {
        app.get('/', redact(options), (_req, res) => {
          send(res, () => {
            features = after;
          });
        });
      },
      { features: () => features, routeProject },
    );
    return (await ask(served.url)).text;
  }

  const STREAMS: Record<string, readonly [type: string, text: (json: string) => string]> = {
    NDJSON: ['application/x-ndjson', (json) => `${json}\n`],
    'JSON sequences': ['application/json-seq', (json) => `\x1e${json}\n`],
    'server-sent events': ['text/event-stream', (json) => `data: ${json}\n\n`],
  };

  test.each(Object.keys(STREAMS))('%s: each record is redacted by the policy at its first byte', async (name) => {
    const [type, text] = STREAMS[name]!;
    for (const routeProject of ['P', null]) {
      const send = (res: Response, change: () => void): void => {
        res.set('Content-Type', type);
        res.write(text(said('P')));
        setImmediate(() => {
          change();
          res.end(text(said('P')));
        });
      };
      expect(await answers(send, EVERYTHING, CLOSED, routeProject)).toBe(text(said('P')) + text(withheld('P')));
      expect(await answers(send, CLOSED, EVERYTHING, routeProject)).toBe(text(withheld('P')) + text(said('P')));
    }
  });

  test('a compressed stream follows the policy of each record', async () => {
    const send = (res: Response, change: () => void): void => {
      res.set({ 'Content-Type': 'application/x-ndjson', 'Content-Encoding': 'gzip' });
      const gzip = zlib.createGzip({ flush: zlib.constants.Z_SYNC_FLUSH });
      gzip.pipe(res);
      gzip.write(`${said('P')}\n`);
      waitUntil('the first text has left', () => res.headersSent).then(() => {
        change();
        gzip.end(`${said('P')}\n`);
      }, res.destroy.bind(res));
    };
    expect(await answers(send, CLOSED, EVERYTHING, 'P')).toBe(`${withheld('P')}\n${said('P')}\n`);
  });

  test('a record that has begun, and a body that is one JSON value, keep their policy', async () => {
    for (const type of ['application/json', 'application/x-ndjson']) {
      const send = (res: Response, change: () => void): void => {
        res.set('Content-Type', type);
        res.write(said('P').slice(0, 5));
        setImmediate(() => {
          change();
          res.end(said('P').slice(5));
        });
      };
      expect(await answers(send, EVERYTHING, CLOSED, 'P')).toBe(said('P'));
      expect(await answers(send, CLOSED, EVERYTHING, 'P')).toBe(withheld('P'));
    }
  });

  /** Writes that send the head, or keep a connection alive, before the first record. */
  const OPENINGS: Record<string, readonly [format: 'sse' | 'ndjson' | 'json', open: (res: Response) => unknown]> = {
    'flushHeaders before events': ['sse', (res) => res.flushHeaders()],
    'writeHead and a comment before events': ['sse', (res) => res.writeHead(200).write(': hi\n\n')],
    'a retry field before events': ['sse', (res) => res.write('retry: 1000\n\n')],
    'comments and blank lines before events': ['sse', (res) => res.write(':\n\n') && res.write('\n')],
    'a comment without a blank line before events': ['sse', (res) => res.write(':\n') && res.write(': hi\r\n')],
    'fields without a blank line before events': ['sse', (res) => res.write('id: 1\rretry: 9\nevent\nevent: a\n')],
    'flushHeaders before lines': ['ndjson', (res) => res.flushHeaders()],
    'blank lines before lines': ['ndjson', (res) => res.write('\n') && res.write('\n')],
    'flushHeaders before a value': ['json', (res) => res.flushHeaders()],
    'writeHead before a value': ['json', (res) => res.writeHead(200)],
    'blanks before a value': ['json', (res) => res.write(' ') && res.write('\n')],
    'an empty chunk before a value': ['json', (res) => res.write('')],
  };
  const TYPES = { sse: 'text/event-stream', ndjson: 'application/x-ndjson', json: 'application/json' };

  test.each(Object.entries(OPENINGS))(
    'the first record is redacted by the policy at its first byte: %s',
    async (_, [format, open]) => {
      const text = {
        sse: (json: string) => `data: ${json}\n\n`,
        ndjson: (json: string) => `${json}\n`,
        json: (json: string) => json,
      }[format];
      for (const [before, after, expected] of [
        [EVERYTHING, CLOSED, withheld],
        [CLOSED, EVERYTHING, said],
      ] as const) {
        const send = (res: Response, change: () => void): void => {
          res.set('Content-Type', TYPES[format]);
          open(res);
          setImmediate(() => {
            change();
            res.write(text(said('P')).slice(0, 9));
            res.end(text(said('P')).slice(9));
          });
        };
        expect(await answers(send, before, after, 'P')).toContain(text(expected('P')));
      }
    },
  );

  const EVENTS: Record<string, readonly [before: string, after: string, sent: string]> = {
    'its data had begun': [
      `data: ${said('P')}\n`,
      `data: {}\nid: 1\n\ndata: ${said('P')}\n\n`,
      `data: {}\nid: 1\n\ndata: ${withheld('P')}\n\n`,
    ],
    'a line had begun': [': sa', `id\ndata: ${said('P')}\n\n`, `id\ndata: ${withheld('P')}\n\n`],
    'the name of its data had begun': [
      'da',
      `ta: ${said('P')}\n\ndata: ${said('P')}\n\n`,
      `ta: ${said('P')}\n\ndata: ${withheld('P')}\n\n`,
    ],
    'a field that clients ignore had passed': ['data-x: 1\n', `data: ${said('P')}\n\n`, `data: ${withheld('P')}\n\n`],
    'its name had passed': ['event: conversation\n', `data: ${said('P')}\n\n`, `data: ${withheld('P')}\n\n`],
  };

  test.each(Object.entries(EVENTS))(
    'an event keeps its policy only from its data on: %s when something was disabled',
    async (_, [before, after, sent]) => {
      const send = (res: Response, change: () => void): void => {
        res.set('Content-Type', 'text/event-stream').write(before);
        setImmediate(() => {
          change();
          for (const byte of after) res.write(byte);
          res.end();
        });
      };
      expect(await answers(send, EVERYTHING, CLOSED, 'P')).toBe(before + sent);
    },
  );

  test('an event of a name in textEvents is a text only if its name was read', async () => {
    const send = (res: Response, change: () => void): void => {
      res.set('Content-Type', 'text/event-stream').write('event: conversation\n');
      setImmediate(() => {
        change();
        res.end(`data: ${said('P')}\n\n`);
      });
    };
    expect(await answers(send, EVERYTHING, CLOSED, 'P', { textEvents: ['message'] })).toBe(
      `event: conversation\ndata: ${withheld('P')}\n\n`,
    );
  });

  test('a comment is emptied as soon as something is not enabled', async () => {
    const send = (res: Response, change: () => void): void => {
      res.set('Content-Type', 'text/event-stream');
      res.write(': said\nevent: {}\n\n');
      setImmediate(() => {
        change();
        res.end(': said\n\n');
      });
    };
    expect(await answers(send, EVERYTHING, CLOSED, 'P')).toBe(': said\nevent: {}\n\n:\n\n');
  });
});
