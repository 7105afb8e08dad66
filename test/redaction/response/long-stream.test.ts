import http from 'node:http';
import { pipeline } from 'node:stream/promises';
import express from 'express';
import { liveMemory } from '../../support/live-memory';
import { closeAll, conversation, redactedPage, SECRET, serve } from './harness';

const MEGABYTE = 1024 * 1024;
const TOTAL = 2048 * MEGABYTE;
/** Bytes that can be in flight at once, in the server and in its client. */
const GROWTH = 8 * MEGABYTE;
/** Memory is measured this often. The first measure is the one to compare with. */
const MEASURES = 20;

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
  const measures: number[] = [];
  await new Promise<void>((resolve, reject) => {
    http
      .get(served.url, { agent: false }, (response) => {
        response.on('data', (bytes: Buffer) => {
          received += bytes.length;
          if (bytes.includes(SECRET)) reject(new Error('A redacted field was sent.'));
          if (received >= ((measures.length + 1) * expected) / MEASURES) measures.push(liveMemory());
        });
        response.on('end', resolve).on('error', reject);
      })
      .on('error', reject);
  });
  expect(received).toBe(expected);
  expect(measures).toHaveLength(MEASURES);
  expect(Math.max(...measures) - measures[0]!).toBeLessThan(GROWTH);
}, 600_000);
