// Requests and responses as a middleware meets them in an Express app, without a network: Node's own IncomingMessage,
// filled the way Node's parser fills it, and ServerResponse, both with Express' prototypes.
//
// Included in every figure: the middleware, whatever it awaits, its own Redis client, and for refusals the serialising of
// the whole response up to the socket. Not included: parsing HTTP, Express' routing, sockets to the caller, the making of
// these objects. Headers have been looked at once before, as a logger or body parser in front of a middleware would.
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import express from 'express';

const app = express();

/** One connection that never opens, kept for all requests, because some middleware reads whether it is encrypted. */
const socket = new Socket();

const responsePrototype = Object.create(app.response, {
  end: {
    value: function endAndTell(...args) {
      ServerResponse.prototype.end.apply(this, args);
      this.onOutcome(this.statusCode);
      return this;
    },
  },
});

/** Headers of ordinary clients. */
const USUAL_HEADERS = [
  'Host',
  'api.example.com',
  'User-Agent',
  'acme-crm/3.1 (+https://example.com)',
  'Accept',
  'application/json',
  'Accept-Encoding',
  'gzip, deflate, br',
  'X-Forwarded-For',
  '203.0.113.7',
  'X-Request-Id',
  '7f0c2a5e-3d0b-4c62-9f6e-0f6f2f1f7a55',
];

const PATH = '/v3/ws-fd112d8f/PROJECT-58RP822I/conversations?limit=100';

/** One request with this header, and the response to it. */
export function createExchange(header, value) {
  const req = new IncomingMessage(socket);
  req.method = 'GET';
  req.url = PATH;
  req.originalUrl = PATH;
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  const raw = [...USUAL_HEADERS, header, value];
  req._addHeaderLines(raw, raw.length);
  Object.setPrototypeOf(req, app.request);
  req.app = app;
  req.params = { account_id: 'ws-fd112d8f', project_id: 'PROJECT-58RP822I' };
  if (req.headers[header.toLowerCase()] !== value) throw new Error('The request did not come out as intended.');
  const res = new ServerResponse(req);
  Object.setPrototypeOf(res, responsePrototype);
  res.app = app;
  req.res = res;
  res.req = req;
  res.onOutcome = undefined;
  return { req, res };
}

/**
 * The same request as an object literal. Express gives each request a prototype of its app's, which makes V8 give each a
 * hidden class of its own: the first property that any middleware sets on it takes more than a microsecond, and every
 * look-up is a fresh one. This measures a middleware without that. It cannot send a response.
 */
export function createBareExchange(header, value) {
  const headers = { host: 'api.example.com', 'user-agent': 'acme-crm/3.1', accept: 'application/json' };
  headers[header.toLowerCase()] = value;
  const rawHeaders = [...USUAL_HEADERS, header, value];
  const params = { account_id: 'ws-fd112d8f', project_id: 'PROJECT-58RP822I' };
  return { req: { method: 'GET', url: PATH, headers, rawHeaders, params, query: {} }, res: { onOutcome: undefined } };
}

/**
 * Sends exchanges through a middleware, `concurrency` at once, and resolves when all are answered. Each outcome must be
 * `expected`: 'next' or a status. A middleware that answers synchronously is called again at once.
 */
export function drive(middleware, exchanges, { concurrency, expected }) {
  return new Promise((resolve, reject) => {
    let started = 0;
    let active = 0;
    let isSending = false;

    function onOutcome(outcome) {
      active -= 1;
      if (outcome !== expected) {
        const text = outcome instanceof Error ? outcome.stack : outcome;
        reject(new Error(`A request came to ${text}, not ${expected}.`));
      } else if (started === exchanges.length) {
        if (active === 0) resolve();
      } else if (!isSending) sendWaiting();
    }

    function next(error) {
      onOutcome(error === undefined ? 'next' : error);
    }

    function sendWaiting() {
      isSending = true;
      while (active < concurrency && started < exchanges.length) {
        const { req, res } = exchanges[started];
        started += 1;
        active += 1;
        res.onOutcome = onOutcome;
        middleware(req, res, next);
      }
      isSending = false;
    }

    sendWaiting();
  });
}
