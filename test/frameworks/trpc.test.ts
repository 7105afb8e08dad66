import { createTRPCClient, httpBatchLink, httpBatchStreamLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { createExpressMiddleware } from '@trpc/server/adapters/express';
import { CONVERSATION, type GuardedApp, type Mode, REDACTED, SECRET, startApp } from './guarded-app';

const t = initTRPC.create();
const router = t.router({
  conversation: t.procedure.query(() => CONVERSATION),
  later: t.procedure.query(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return CONVERSATION;
  }),
});

let app: GuardedApp;

beforeAll(async () => {
  app = await startApp(
    ({ app, path, guards }) => app.use(path, ...guards, createExpressMiddleware({ router })),
    // A batch is an array of results. A batch stream is a sequence of JSON values, each of which is an array.
    { conversations: ['$', '[*].result.data', '[*][*][*]'] },
  );
});
afterAll(() => app.close());

function clientFor(mode: Mode, link: typeof httpBatchLink | typeof httpBatchStreamLink) {
  return createTRPCClient<typeof router>({ links: [link({ url: app.url(mode), headers: app.headers })] });
}

describe.each([
  ['batch', httpBatchLink],
  ['batch stream', httpBatchStreamLink],
] as const)('tRPC by %s', (_name, link) => {
  async function call(mode: Mode): Promise<unknown> {
    const client = clientFor(mode, link);
    return Promise.all([client.conversation.query(), client.later.query()]);
  }

  test('the client gets what it gets without keyscope when everything is enabled', async () => {
    expect(await call('plain')).toEqual([CONVERSATION, CONVERSATION]);
    expect(await call('on')).toEqual([CONVERSATION, CONVERSATION]);
  });

  test('the client gets redacted conversations when nothing is enabled', async () => {
    const result = await call('off');
    expect(JSON.stringify(result)).not.toContain(SECRET);
    expect(result).toEqual([REDACTED, REDACTED]);
  });
});
