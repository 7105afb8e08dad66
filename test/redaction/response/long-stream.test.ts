import http from 'node:http';
import { pipeline } from 'node:stream/promises';
import express from 'express';
import { closeAll, conversation, redactedPage, SECRET, serve } from './harness';

const MEGABYTE = 1024 * 1024;
const TOTAL = 2048 * MEGABYTE;
/** Growth of the process after the first hundred megabytes: buffers, and garbage that has not been collected. */
const GROWTH = 80 * MEGABYTE;

afterEach(closeAll);

test('two gigabytes are redacted in flat memory', async () => {
  const one = Buffer.from(`${conversation(0)},`);
  const chunk = Buffer.concat(Array.from({ length: Math.ceil((64 * 1024) / one.length) }, () => one));
  const chunks = Math.ceil(TOTAL / chunk.length);
  const served = await serve(express, (app, redact) => {
    app.get('/', redact(), (_req, res) => {
      function* body(): Generator<Buffer> {
        yield Buffer.from('{"conversations":[');
        for (let i = 0; i < chunks; i++) yield chunk;
        yield Buffer.from('{}]}');
      }
      void pipeline(body(), res.type('json'));
    });
  });
  const redacted = redactedPage(1).slice('{"conversations":['.length).split('],"cursor"')[0]!;
  const perChunk = chunk.length / one.length;
  const expected = '{"conversations":[{}]}'.length + (Buffer.byteLength(redacted) + 1) * perChunk * chunks;

  let received = 0;
  let settled = 0;
  let most = 0;
  await new Promise<void>((resolve, reject) => {
    http
      .get(served.url, { agent: false }, (response) => {
        response.on('data', (bytes: Buffer) => {
          received += bytes.length;
          if (bytes.includes(SECRET)) reject(new Error('A redacted field was sent.'));
          if (received < expected / 20) settled = process.memoryUsage.rss();
          else if (received % 64 === 0) most = Math.max(most, process.memoryUsage.rss());
        });
        response.on('end', resolve).on('error', reject);
      })
      .on('error', reject);
  });
  expect(received).toBe(expected);
  expect(most - settled).toBeLessThan(GROWTH);
}, 600_000);
