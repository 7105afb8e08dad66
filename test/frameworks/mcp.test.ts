import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import { CONVERSATION, type GuardedApp, type Mode, REDACTED, startApp } from './guarded-app';

/** Tools answer with the object itself; a text of JSON would be rejected if a field of it is not enabled. */
function createServer(): McpServer {
  const server = new McpServer({ name: 'conversations', version: '1.0.0' }, { capabilities: { logging: {} } });
  server.registerTool('get', { description: 'Gets a conversation.' }, async (extra) => {
    await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'reading' } });
    return {
      content: [{ type: 'text' as const, text: 'See the structured content.' }],
      structuredContent: CONVERSATION,
    };
  });
  return server;
}

/** The data of `endpoint`, the first event over SSE, is a path and no JSON. */
const OPTIONS = { conversations: ['$', 'result.structuredContent'], textEvents: ['endpoint'] };

function createClient(): Client {
  return new Client({ name: 'test', version: '1.0.0' });
}

describe('the MCP SDK over streamable HTTP', () => {
  let app: GuardedApp;

  beforeAll(async () => {
    app = await startApp(({ app, path, guards }) => {
      app.use(path, ...guards, express.json(), async (req, res) => {
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
        const server = createServer();
        res.on('close', () => void server.close());
        await server.connect(transport);
        await transport.handleRequest(req, res, req.body);
      });
    }, OPTIONS);
  });
  afterAll(() => app.close());

  async function call(mode: Mode): Promise<unknown> {
    const client = createClient();
    const requestInit = { headers: app.headers };
    try {
      await client.connect(new StreamableHTTPClientTransport(new URL(app.url(mode)), { requestInit }));
      const tools = await client.listTools();
      const { structuredContent } = await client.callTool({ name: 'get', arguments: {} });
      return { tools, structuredContent };
    } finally {
      await client.close();
    }
  }

  test('a client gets what it gets without keyscope when everything is enabled', async () => {
    const plain = await call('plain');
    expect(plain).toMatchObject({ structuredContent: CONVERSATION });
    expect(await call('on')).toEqual(plain);
  });

  test('a client gets the redacted result when nothing is enabled', async () => {
    expect(await call('off')).toMatchObject({ structuredContent: REDACTED });
  });
});

describe('the MCP SDK over SSE', () => {
  let app: GuardedApp;
  const transports = new Map<string, SSEServerTransport>();

  beforeAll(async () => {
    app = await startApp(({ app, path, guards }) => {
      app.get(path, ...guards, async (_req, res) => {
        const transport = new SSEServerTransport(`${path}/messages`, res);
        transports.set(transport.sessionId, transport);
        await createServer().connect(transport);
      });
      app.post(`${path}/messages`, ...guards, express.json(), async (req, res) => {
        await transports.get(String(req.query.sessionId))!.handlePostMessage(req, res, req.body);
      });
    }, OPTIONS);
  });
  afterAll(() => app.close());

  async function call(mode: Mode): Promise<unknown> {
    const client = createClient();
    const transport = new SSEClientTransport(new URL(app.url(mode)), {
      requestInit: { headers: app.headers },
      eventSourceInit: {
        fetch: (url, init) =>
          fetch(url, { ...init, headers: { ...(init?.headers as object), ...app.headers } } as never),
      },
    });
    try {
      await client.connect(transport, { timeout: 3000 });
      const { structuredContent } = await client.callTool({ name: 'get', arguments: {} });
      return { structuredContent };
    } finally {
      await client.close();
    }
  }

  test('a client gets what it gets without keyscope when everything is enabled', async () => {
    const plain = await call('plain');
    expect(plain).toMatchObject({ structuredContent: CONVERSATION });
    expect(await call('on')).toEqual(plain);
  });

  test('a client gets the redacted result when nothing is enabled', async () => {
    expect(await call('off')).toEqual({ structuredContent: REDACTED });
  });
});
