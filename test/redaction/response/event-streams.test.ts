import type { Response } from 'express';
import type { RedactOptions } from '../../../src/redaction/options';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, EVERYTHING, SECRET, serve } from './harness';

afterEach(closeAll);

const data = `{"turns":["${SECRET}"]}`;
const redacted = '{"turns":[]}';

describe.each(expresses)('%s: event streams', (_name, express) => {
  async function streamOf(text: string, options: RedactOptions = {}, pieceSize = text.length, open = false) {
    const served = await serve(
      express,
      (app, redact) => {
        app.get('/', redact(options), (_req, res: Response) => {
          res.type('text/event-stream').flushHeaders();
          for (let at = 0; at < text.length; at += pieceSize) res.write(text.slice(at, at + pieceSize));
          res.end();
        });
      },
      open ? { features: () => EVERYTHING } : {},
    );
    return ask(served.url);
  }

  describe('events whose data is no JSON', () => {
    const TEXTS: readonly (readonly [name: string, text: string, options: RedactOptions])[] = [
      ['the endpoint of MCP', 'event: endpoint\ndata: /messages?sessionId=1\n\n', { textEvents: ['endpoint'] }],
      ['a ping with a time', 'event: ping\ndata: Sun, 29 Nov 2026\n\n', { textEvents: ['ping'] }],
      ['a ping in two lines', 'event:ping\ndata: a\ndata: b\nid: 7\n\n', { textEvents: ['ping'] }],
      ['a text without a name', 'data: hello\n\n', { textEvents: ['message'] }],
      ['a text behind its own name', 'event: message\ndata: hello\n\n', { textEvents: ['message'] }],
      ['one of several names', 'event: b\r\ndata: {not json\r\n\r\n', { textEvents: ['a', 'b'] }],
    ];

    test.each(TEXTS)('%s passes through when its name is in textEvents', async (_what, text, options) => {
      // Events without a name are texts if `message` is listed, so the JSON has another name.
      const json = (value: string) => `event: conversation\ndata: ${value}\n\n`;
      for (const size of [1, 7, 1000]) {
        const response = await streamOf(text + json(data) + text + json(data), options, size);
        expect(response).toMatchObject({ status: 200, cut: false });
        expect(response.text).toBe(text + json(redacted) + text + json(redacted));
      }
    });

    test.each(TEXTS)('%s cuts the connection when its name is not in textEvents', async (_what, text) => {
      const response = await streamOf(`data: ${data}\n\n${text}`, { textEvents: ['other'] });
      expect(response.cut).toBe(true);
      expect(response.text).not.toContain(SECRET);
    });

    test.each(TEXTS)('%s passes through without options when everything is enabled', async (_what, text) => {
      const all = `data: ${data}\n\n${text}: a comment\n\ndata: [DONE]\n\n`;
      for (const size of [1, 7, 1000]) {
        const response = await streamOf(all, {}, size, true);
        expect(response).toMatchObject({ status: 200, cut: false, text: all });
      }
    });

    test('an event is not a text event when its name follows its data, is repeated, or differs in case', async () => {
      const options = { textEvents: ['ping'] };
      for (const text of [
        `data: ${SECRET}\nevent: ping\n\n`,
        `event: ping\nevent: conversation\ndata: ${SECRET}\n\n`,
        `event: Ping\ndata: ${SECRET}\n\n`,
        `event: pin\ndata: ${SECRET}\n\n`,
        `event: ping\n\ndata: ${SECRET}\n\n`,
        `event:  ping\ndata: ${SECRET}\n\n`,
        `: event: ping\ndata: ${SECRET}\n\n`,
      ]) {
        const response = await streamOf(text, options);
        expect([text, response.cut]).toEqual([text, true]);
        expect(response.text).not.toContain(SECRET);
      }
    });
  });

  describe('comments', () => {
    const blanks = ' '.repeat(2048);

    test.each([
      ['padding behind a colon', `:${blanks}\n\n`],
      ['padding behind a space', `: ${blanks}\n`],
      ['a keep-alive', ':\n\n'],
      ['padding in CR LF lines', `:${blanks}\r\n\r\n`],
    ])('a comment is kept at its length when it is %s', async (_what, comment) => {
      for (const size of [1, 1000, 5000]) {
        const { text } = await streamOf(`${comment}data: ${data}\n\n${comment}`, {}, size);
        expect(text).toBe(`${comment}data: ${redacted}\n\n${comment}`);
      }
    });

    test('a comment loses its text', async () => {
      for (const size of [1, 1000]) {
        const { text } = await streamOf(`: ${SECRET}\n\n:${blanks}${SECRET}${blanks}\ndata: ${data}\n\n`, {}, size);
        expect(text).not.toContain(SECRET);
        expect(text.endsWith(`\ndata: ${redacted}\n\n`)).toBe(true);
      }
    });

    test('keep-alive comments are sent when they are written, before the first event', async () => {
      const seen: string[] = [];
      const served = await serve(express, (app, redact) => {
        app.get('/', redact(), (_req, res) => {
          res.type('text/event-stream').write(':\n\n', () => res.write(`:${blanks}\n\n`, () => res.end()));
        });
      });
      seen.push((await ask(served.url)).text);
      expect(seen).toEqual([`:\n\n:${blanks}\n\n`]);
    });
  });

  test('a stream of graphql-sse is redacted: Content-Encoding none, named events, empty data at its end', async () => {
    const served = await serve(express, (app, redact) => {
      app.get('/', redact({ conversations: 'data.conversation' }), (_req, res) => {
        res.writeHead(200, {
          'Content-Type': 'text/event-stream',
          'Content-Encoding': 'none',
          Connection: 'keep-alive',
        });
        res.write(':\n\n');
        res.write(`event: next\ndata: {"data":{"conversation":${data}}}\n\n`);
        res.end('event: complete\ndata\n\n');
      });
    });
    const { text } = await ask(served.url);
    expect(text).toBe(`:\n\nevent: next\ndata: {"data":{"conversation":${redacted}}}\n\nevent: complete\ndata\n\n`);
  });
});
