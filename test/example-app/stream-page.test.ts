import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Conversation } from '../../example-app/data/model';
import type { Continuation } from '../../example-app/query/find';
import { streamPage } from '../../example-app/stream-page';
import { conversations } from './support';

/** More than any buffers between a server and its reader hold. */
const MANY = 100_000;

test('streamPage generates no more conversations when its reader has closed the connection', async () => {
  const conversation = conversations.whole(0);
  let generated = 0;
  function* page(): Generator<Conversation, Continuation> {
    for (; generated < MANY; generated++) yield conversation;
    return { cursor: null };
  }
  const app = express();
  let finished: Promise<void> | undefined;
  app.get('/', (req, res) => {
    finished = streamPage(req, res, page());
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const aborter = new AbortController();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const response = await fetch(url, { signal: aborter.signal });
    await response.body!.getReader().read();
    aborter.abort();
    await finished;
    expect(generated).toBeGreaterThan(0);
    expect(generated).toBeLessThan(MANY);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
