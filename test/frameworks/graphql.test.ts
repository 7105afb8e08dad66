import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import { createSchema, createYoga } from 'graphql-yoga';
import { ask, CONVERSATION, type GuardedApp, type MODES, SECRET, startApp } from './guarded-app';

const typeDefs = /* GraphQL */ `
  type Turn {
    user_input: String
  }
  type Conversation {
    id: String
    turns: [Turn]
  }
  type Query {
    conversations: [Conversation]
  }
  type Subscription {
    conversation: Conversation
  }
`;

const resolvers = {
  Query: { conversations: () => [CONVERSATION] },
  Subscription: {
    conversation: {
      async *subscribe() {
        yield { conversation: CONVERSATION };
        yield { conversation: CONVERSATION };
      },
    },
  },
};

const OPTIONS = { conversations: ['data.conversations[*]', 'data.conversation'] };

function query(app: GuardedApp, mode: (typeof MODES)[number], text: string, accept = 'application/json') {
  return ask(app.url(mode), {
    method: 'POST',
    headers: { ...app.headers, 'content-type': 'application/json', accept },
    body: JSON.stringify({ query: text }),
  });
}

const QUERY = '{ conversations { id turns { user_input } } }';

async function startApollo(): Promise<GuardedApp> {
  return startApp(async ({ app, path, guards }) => {
    const server = new ApolloServer({ typeDefs, resolvers: { Query: resolvers.Query } });
    await server.start();
    app.use(path, ...guards, express.json(), expressMiddleware(server) as never);
  }, OPTIONS);
}

async function startYoga(): Promise<GuardedApp> {
  return startApp(({ app, path, guards }) => {
    const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), graphqlEndpoint: path, logging: false });
    app.use(path, ...guards, yoga as never);
  }, OPTIONS);
}

describe.each([
  ['Apollo Server', startApollo],
  ['GraphQL Yoga', startYoga],
] as const)('%s', (_name, start) => {
  let app: GuardedApp;

  beforeAll(async () => {
    app = await start();
  });
  afterAll(() => app.close());

  test.each([
    ['a query', QUERY],
    ['a query with an error', '{ nothing }'],
    ['an empty query', ''],
  ])('the response to %s is the one without keyscope when everything is enabled', async (_kind, text) => {
    expect(await query(app, 'on', text)).toEqual(await query(app, 'plain', text));
  });

  test('the response to a query is redacted when nothing is enabled', async () => {
    const { status, body } = await query(app, 'off', QUERY);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ data: { conversations: [{ id: 'CA1', turns: [] }] } });
  });

  test('the status of an error is kept when nothing is enabled', async () => {
    expect((await query(app, 'off', '{ nothing }')).status).toBe((await query(app, 'plain', '{ nothing }')).status);
  });

  test('a GET without a query is answered as without keyscope when everything is enabled', async () => {
    const get = (mode: (typeof MODES)[number]) => ask(app.url(mode), { headers: app.headers });
    expect(await get('on')).toEqual(await get('plain'));
  });
});

describe('a subscription of GraphQL Yoga over SSE', () => {
  const SUBSCRIPTION = 'subscription { conversation { id turns { user_input } } }';
  let app: GuardedApp;

  beforeAll(async () => {
    app = await startYoga();
  });
  afterAll(() => app.close());

  test('the stream is the one without keyscope when everything is enabled', async () => {
    const plain = await query(app, 'plain', SUBSCRIPTION, 'text/event-stream');
    expect(plain.body).toContain(SECRET);
    expect(await query(app, 'on', SUBSCRIPTION, 'text/event-stream')).toEqual(plain);
  });

  test('the stream is redacted when nothing is enabled', async () => {
    const { status, body } = await query(app, 'off', SUBSCRIPTION, 'text/event-stream');
    expect(status).toBe(200);
    expect(body).not.toContain(SECRET);
    expect(body.match(/"turns":\[\]/g)).toHaveLength(2);
    expect(body).toContain('event: complete');
  });
});
