import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Response } from 'express';
import { expresses } from '../../support/express-versions';
import { collectGarbage } from '../../support/live-memory';
import { waitUntil } from '../../support/wait-until';
import { ask, closeAll, EVERYTHING, page, serve } from './harness';

afterEach(closeAll);

const PAGE = page();

const WAYS: Record<string, (res: Response) => unknown> = {
  json: (res) => res.json(JSON.parse(PAGE)),
  'end of a string': (res) => res.type('json').end(PAGE),
  'writeHead and writes': (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    res.write(PAGE);
    res.end();
  },
  pipe: (res) => Readable.from([PAGE], { objectMode: false }).pipe(res.type('json')),
  'a rejected body': (res) => res.type('csv').end('text'),
};

describe.each(expresses)('%s', (_name, express) => {
  test.each(
    Object.keys(WAYS).flatMap((way) => [
      { way, policy: 'everything enabled' },
      { way, policy: 'nothing enabled' },
    ]),
  )('a response that has been sent is released: $way, $policy', async ({ way, policy }) => {
    const responses: WeakRef<Response>[] = [];
    const served = await serve(
      express,
      (app, redact) => {
        app.get('/', redact(), (_req, res) => {
          responses.push(new WeakRef(res));
          WAYS[way]!(res);
        });
      },
      {
        features: () => (policy === 'nothing enabled' ? { transcript: false, metrics: [] } : EVERYTHING),
        // The first look at open responses would come after this test.
        deps: { checkInterval: 1_000_000 },
      },
    );
    for (let i = 0; i < 5; i++) await ask(served.url);
    expect(responses.length).toBe(5);
    // An error refers to the objects of its stack until that is printed.
    served.failures.length = 0;
    await waitUntil('no response is referred to', async () => {
      collectGarbage();
      await delay(1);
      return responses.every((reference) => reference.deref() === undefined);
    });
  });
});
