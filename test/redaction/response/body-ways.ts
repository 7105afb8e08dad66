import { writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import { page, SECRET } from './harness';

/** A body with the secret. */
export const BODY = page();
const FILE = path.join(os.tmpdir(), `keyscope-body-ways-${process.pid}.json`);
writeFileSync(FILE, BODY);

type Handler = (res: Response, req: Request) => unknown;

/** Ways of writing a body. */
export const WAYS: Record<string, Handler> = {
  json: (res) => res.json(JSON.parse(BODY)),
  'send of an object': (res) => res.send(JSON.parse(BODY)),
  'send of a string': (res) => res.type('json').send(BODY),
  jsonp: (res) => res.jsonp(JSON.parse(BODY)),
  end: (res) => res.type('json').end(BODY),
  'end in Latin-1': (res) => res.type('json').end(BODY, 'latin1'),
  write: (res) => {
    res.type('json').write(BODY.slice(0, 50));
    res.end(BODY.slice(50));
  },
  'writeHead and write': (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    res.write(BODY);
    res.end();
  },
  'writeHead with a length': (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(BODY) });
    res.end(BODY);
  },
  'writeHead with a list': (res) => {
    res.setHeader('X-Before', '1');
    res.writeHead(200, ['Content-Type', 'application/json']);
    res.end(BODY);
  },
  pipe: (res) => Readable.from([BODY.slice(0, 50), BODY.slice(50)], { objectMode: false }).pipe(res.type('json')),
  sendFile: (res) => res.sendFile(FILE),
  'events in a stream': (res) => res.type('text/event-stream').write(`data: ${BODY}\n\n`) && res.end(),
  'a type that cannot be redacted': (res) => res.type('csv').end(SECRET),
  "Node's own end": (res) => Reflect.apply(http.ServerResponse.prototype.end, res.type('json'), [BODY]),
  "Node's own write": (res) => {
    Reflect.apply(http.ServerResponse.prototype.write, res.type('json'), [BODY]);
    res.end();
  },
};
