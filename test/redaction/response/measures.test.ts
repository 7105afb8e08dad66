import type { Response } from 'express';
import { expresses } from '../../support/express-versions';
import { ask, bytesOf, closeAll, EVERYTHING, SECRET, serve } from './harness';

afterEach(closeAll);

const BODY = `{"id":1,"turns":["${SECRET}"]}`;
const REDACTED = '{"id":1,"turns":[]}';

/** Headers of object stores and servers that identify or measure a body. */
const MEASURES = [
  'Content-MD5',
  'Content-Digest',
  'Repr-Digest',
  'Unencoded-Digest',
  'Digest',
  'ETag',
  'Last-Modified',
  'X-Amz-Checksum-Crc32',
  'X-Amz-Checksum-Crc32c',
  'X-Amz-Checksum-Crc64nvme',
  'X-Amz-Checksum-Sha1',
  'X-Amz-Checksum-Sha256',
  'X-Amz-Meta-Content-Md5',
  'X-Amz-Decoded-Content-Length',
  'X-Goog-Hash',
  'X-Goog-Stored-Content-Length',
  'X-Ms-Blob-Content-Md5',
  'X-Ms-Content-Crc64',
  'X-Oss-Hash-Crc64ecma',
  'X-Bz-Content-Sha1',
  'X-Checksum-Sha1',
  'X-Checksum-Md5',
  'X-Original-Content-Length',
  'X-Uncompressed-Content-Length',
  'X-File-Size',
  'X-Body-Hash',
  'X-ETag',
  'OC-ETag',
  'X-Content-SHA512',
  'Signature',
  'Signature-Input',
  'X-Hub-Signature-256',
  'X-JWS-Signature',
  'X-JWS',
  'Content-HMAC',
  'X-Content-Fingerprint',
  'Integrity',
  'X-XXHash',
  'X-Content-Blake3',
  'X-Adler32',
  'X-Murmur3',
  'X-Raw-Length',
  'X-Response-Size',
  'X-Payload-Bytes',
  'X-Compressed-Size',
  'X-Encoded-Content-Length',
  'X-Linked-Size',
];

/** Headers with similar names that say nothing about the body. */
const OTHERS = [
  'X-Amz-Request-Id',
  'X-Total-Count',
  'X-Hashtag',
  'X-Etagere',
  'X-Page-Size',
  'X-Correlation-Id',
  'Integrity-Policy',
  'X-Response-Time',
  'X-Raw',
];

const sends: Record<string, (res: Response) => unknown> = {
  json: (res) => res.json(JSON.parse(BODY)),
  send: (res) => res.type('json').send(BODY),
  end: (res) => res.type('json').end(BODY),
  writes: (res) => {
    res.type('json').write(BODY.slice(0, 5));
    res.end(BODY.slice(5));
  },
};

describe.each(expresses)('%s: measures of the unredacted body', (_name, express) => {
  const answering = (send: (res: Response) => unknown, options: Parameters<typeof serve>[2] = {}) =>
    serve(express, (app, redact) => app.get('/', redact(), (_req, res) => void send(res)), options);

  test.each(Object.entries(sends))(
    'headers with a measure are removed, and no others, after %s',
    async (_way, send) => {
      const all = Object.fromEntries([...MEASURES, ...OTHERS].map((name) => [name, 'of the body']));
      for (const give of ['set', 'writeHead'] as const) {
        const served = await answering((res) => {
          if (give === 'set') res.set(all);
          else if (send === sends.json || send === sends.send) return res.set(all) && send(res);
          else res.writeHead(200, { ...all, 'Content-Type': 'application/json' });
          return give === 'set' ? send(res) : [res.write(BODY.slice(0, 5)), res.end(BODY.slice(5))];
        });
        for (const method of ['GET', 'HEAD']) {
          const { headers, text } = await ask(served.url, { method });
          const left = Object.entries(headers).filter(([, value]) => value === 'of the body');
          expect(left.map(([name]) => name).sort()).toEqual(OTHERS.map((name) => name.toLowerCase()).sort());
          if (method === 'GET') expect(text).toBe(REDACTED);
        }
      }
    },
  );

  test('headers with a measure are kept when everything is enabled', async () => {
    const served = await answering(
      (res) => res.set({ 'X-Goog-Hash': 'a', 'Content-MD5': 'b', ETag: '"c"' }).type('json').end(BODY),
      { features: () => EVERYTHING },
    );
    expect((await ask(served.url)).headers).toMatchObject({ 'x-goog-hash': 'a', 'content-md5': 'b', etag: '"c"' });
  });

  test('trailers with a measure are removed, and no others', async () => {
    const add: ((res: Response, names: readonly string[]) => void)[] = [
      (res, names) => res.addTrailers(Object.fromEntries(names.map((name) => [name, 'of the body']))),
      (res, names) => res.addTrailers(names.map((name) => [name, 'of the body']) as never),
    ];
    for (const addTrailers of add) {
      for (const way of ['writes', 'end'] as const) {
        const served = await answering((res) => {
          res.set('Trailer', [...MEASURES, ...OTHERS].join(', ')).type('json');
          addTrailers(res, [...MEASURES, ...OTHERS]);
          sends[way]!(res);
        });
        const { text, trailers } = await ask(served.url);
        expect(text).toBe(REDACTED);
        expect(Object.keys(trailers).sort()).toEqual(OTHERS.map((name) => name.toLowerCase()).sort());
      }
    }
  });

  test.each([200, 404])('trailers of a body that is replaced are not sent: %i', async (status) => {
    for (const type of ['csv', 'json']) {
      const served = await answering((res) => {
        res.status(status).type(type).set('Trailer', 'Content-MD5, X-Rows');
        res.addTrailers({ 'Content-MD5': 'abc', 'X-Rows': '3' });
        res.write(`x${SECRET}`);
        res.end();
      });
      const bytes = await bytesOf(served.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(bytes).toContain('unredactable_response');
      expect(bytes).not.toMatch(/content-md5|x-rows/i);
    }
  });

  test.each(Object.entries(sends))("a length in Node's private field is not sent after %s", async (_way, send) => {
    const served = await answering((res) => {
      (res as unknown as { _contentLength: number })._contentLength = BODY.length;
      send(res);
    });
    const bytes = await bytesOf(served.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(bytes).not.toContain(`: ${BODY.length}\r\n`);
    expect(bytes).toContain(
      send === sends.writes ? 'Transfer-Encoding: chunked' : `Content-Length: ${REDACTED.length}`,
    );
    expect((await ask(served.url)).text).toBe(REDACTED);
  });

  test('the error of a rejected body says no position and no length', async () => {
    const details = new Set<string>();
    for (const length of [10, 1234, 5000]) {
      for (const text of [
        `{"turns":["${'x'.repeat(length)}"],}`,
        `{"turns":["${'x'.repeat(length)}\u0001"]}`,
        `{"turns":["${'x'.repeat(length)}`,
        `{"turns":["${'x'.repeat(length)}"]} y`,
      ]) {
        const served = await answering((res) => res.type('json').end(text));
        const { status, text: body } = await ask(served.url);
        expect(status).toBe(500);
        expect(body.replace('"status":500', '')).not.toMatch(/\d/);
        details.add(body);
      }
    }
    expect(details.size).toBeLessThanOrEqual(4);
  });
});
