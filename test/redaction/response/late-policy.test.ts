import { setImmediate as nextRound } from 'node:timers/promises';
import type { Response } from 'express';
import type { Features } from '../../../src/features';
import { expresses } from '../../support/express-versions';
import { BODY, WAYS } from './body-ways';
import { ask, closeAll, EVERYTHING, SECRET, serve } from './harness';

afterEach(closeAll);

const NOTHING: Features = { transcript: false, metrics: [] };

/** Uses of the response by the handler while everything is enabled, before the configuration becomes stricter. */
const BEFORE: Record<string, (res: Response) => void> = {
  nothing: () => {},
  'a replaced write and end': (res) => {
    const { write, end } = res;
    res.write = function replaced(this: Response, ...args: unknown[]) {
      return Reflect.apply(write, this, args);
    } as Response['write'];
    res.end = function replaced(this: Response, ...args: unknown[]) {
      return Reflect.apply(end, this, args);
    } as Response['end'];
  },
  'a replaced writeHead': (res) => {
    const { writeHead } = res;
    res.writeHead = function replaced(this: Response, ...args: unknown[]) {
      return Reflect.apply(writeHead, this, args);
    } as Response['writeHead'];
  },
  'a listener and headers': (res) => {
    res.on('drain', () => {});
    res.set({ ETag: '"1"', 'X-Before': '1' });
  },
};

describe.each(expresses)('%s', (_name, express) => {
  describe.each(Object.entries(BEFORE))('after %s', (_before, prepare) => {
    test.each(Object.entries(WAYS))(
      'no disabled field is sent when the configuration becomes stricter before the first byte: %s',
      async (_way, handle) => {
        let features: Features = EVERYTHING;
        const served = await serve(
          express,
          (app, redact) => {
            app.get('/', redact(), async (req, res) => {
              prepare(res);
              await nextRound();
              features = NOTHING;
              handle(res, req);
            });
          },
          { features: () => features },
        );
        for (const method of ['GET', 'HEAD']) {
          features = EVERYTHING;
          const response = await ask(served.url, { method }).catch(() => undefined);
          expect(response?.text ?? '').not.toContain(SECRET);
          expect(response?.headers.etag).not.toBe('"1"');
          expect(response?.headers['content-length']).not.toBe(String(Buffer.byteLength(BODY)));
        }
      },
    );
  });
});
