// Loaded into another package's test processes with --require. Puts requireApiKey and redactResponse, with everything enabled,
// in front of what answers: into the stack of an Express app, in front of the listener of any other server. The key is added
// to the request for requireApiKey and removed behind it, so that the package's tests see the request as they sent it.
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { createApiKeys } = require(path.join(__dirname, '..', '..', 'dist', 'index.js'));

const HEADER = 'x-api-key';
const PROJECT = 'PROJECT-1';
const withRedaction = process.env.KEYSCOPE_PEERS !== 'key';

const apiKeys = createApiKeys({ permissions: { read: { label: 'Read' } } });
const requireApiKey = apiKeys.requireApiKey('read', { agent: () => PROJECT });
const redactResponse = apiKeys.redactResponse();
let token;
const prepared = (async () => {
  await apiKeys.projects.set(PROJECT, { transcript: true, metrics: 'all' });
  ({ token } = await apiKeys.keys.create({ name: 'peers', agents: 'all', permissions: ['read'] }));
  // The first verification fills the cache, after which requireApiKey answers in the same turn.
  await apiKeys.verify(token);
})();
let isPrepared = false;
prepared.then(() => {
  isPrepared = true;
});

const guarded = new WeakSet();

function guard(req, res, next) {
  // The self-test's connections live in memory; an app mounted in an app is guarded once.
  if (guarded.has(req) || !(req.socket instanceof net.Socket)) return next();
  guarded.add(req);
  const sent = Object.getOwnPropertyDescriptor(req.headers, HEADER);
  req.headers[HEADER] = token;
  requireApiKey(req, res, (error) => {
    if (sent === undefined) delete req.headers[HEADER];
    else Object.defineProperty(req.headers, HEADER, sent);
    delete req.apiKey;
    if (error || !withRedaction) next(error);
    else redactResponse(req, res, next);
  });
}

const isExpress = (listener) =>
  typeof listener === 'function' &&
  ['handle', 'use', 'set', 'engine'].every((name) => typeof listener[name] === 'function');

const apps = new WeakSet();

/** Moves a layer for `guard` to the front of an app's stack. In Express 4, `query` and `init` stay before it. */
function guardApp(app) {
  if (apps.has(app)) return;
  apps.add(app);
  app.use(guard);
  const stack = app._router ? app._router.stack : app.router.stack;
  const layer = stack.pop();
  const first = stack.findIndex(({ name }) => name !== 'query' && name !== 'expressInit');
  stack.splice(first === -1 ? stack.length : first, 0, layer);
}

const { emit } = http.Server.prototype;

function emitGuarded(event, req, res, ...rest) {
  const answer = (error) => {
    if (error) res.destroy(error);
    else emit.call(this, event, req, res, ...rest);
  };
  const listeners = this.listeners(event);
  if (listeners.some(isExpress)) {
    for (const listener of listeners) if (isExpress(listener)) guardApp(listener);
    answer();
  } else guard(req, res, answer);
  return listeners.length > 0;
}

http.Server.prototype.emit = function emitWithKeyscope(event, ...args) {
  if (event !== 'request') return emit.call(this, event, ...args);
  if (isPrepared) return emitGuarded.call(this, event, ...args);
  prepared.then(() => emitGuarded.call(this, event, ...args));
  return true;
};
