import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import { NOTHING_ENABLED } from '../../../src/features';
import { sendProblem } from '../../../src/http/problem-response';
import { createRedactResponse } from '../../../src/redaction/response';
import { NO_REPORTS } from './harness';

test('a response over HTTP/2 is rejected before its handler runs', async () => {
  const handler = jest.fn();
  const redact = createRedactResponse({
    resolvePolicy: () => ({ routeProject: undefined, featuresFor: () => NOTHING_ENABLED }),
    vary: 'x-api-key',
    usesDefaultErrorBody: true,
    checkInterval: 250,
    reports: NO_REPORTS,
    fail: (error, req, res, next) => sendProblem(error, req, res, next, { challenge: () => 'ApiKey' }),
  })();
  const server = http2.createServer((req, res) => {
    redact(req as unknown as Request, res as unknown as Response, handler as NextFunction);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const stream = client.request({ ':path': '/' });
    const [headers] = await once(stream, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(headers[':status']).toBe(500);
    expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ code: 'unredactable_response' });
    expect(handler).not.toHaveBeenCalled();
  } finally {
    client.close();
    server.close();
  }
});
