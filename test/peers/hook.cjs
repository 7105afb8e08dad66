// Loaded into another package's test processes with --require. Puts a guard in front of what answers: into the stack of an
// Express app, in front of the listener of any other server. KEYSCOPE_PEERS names the guard:
//   redaction  requireApiKey and redactResponse, with everything enabled. The key is added to the request for requireApiKey and
//              removed behind it, so that the package's tests see the request as they sent it.
//   key        requireApiKey alone.
//   headers    no keyscope: `Cache-Control: private` and `Vary` are written into every head, the only two differences that
//              keyscope is allowed to make. A test that fails with this guard checks an exact value of one of them.
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { createApiKeys } = require(path.join(__dirname, '..', '..', 'dist', 'index.js'));

const HEADER = 'x-api-key';
const PROJECT = 'PROJECT-1';
const mode = process.env.KEYSCOPE_PEERS;

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

/** `Cache-Control` for private caches alone, with the directives that concern them. */
function privateValue(value) {
  const directives = String(value ?? '')
    .split(',')
    .map((directive) => directive.trim());
  const kept = directives.filter((text) => text && !/^(?:public|private|s-maxage|proxy-revalidate)\b/i.test(text));
  return kept.some((text) => /^no-store$/i.test(text)) ? kept.join(', ') : ['private', ...kept].join(', ');
}

/** `Vary` with the header of the key. */
function variedValue(value) {
  if (value === undefined) return HEADER;
  const text = String(value);
  return text === '*' ||
    text
      .toLowerCase()
      .split(/\s*,\s*/)
      .includes(HEADER)
    ? text
    : `${text}, ${HEADER}`;
}

/** Writes the two headers into the head just before Node serializes it. */
function setTwoHeaders(res) {
  const storeHeader = res._storeHeader;
  res._storeHeader = function _storeHeader(firstLine, headers) {
    const given = headers;
    if (Array.isArray(given) && this.getHeaderNames().length === 0) {
      // A list that writeHead passes on as it is.
      const valueIn = (name) => given.find((_, index) => index % 2 === 1 && given[index - 1].toLowerCase() === name);
      const others = given.filter((_, index) => !/^(?:cache-control|vary)$/i.test(given[index - (index % 2)]));
      const list = [
        ...others,
        'Cache-Control',
        privateValue(valueIn('cache-control')),
        'Vary',
        variedValue(valueIn('vary')),
      ];
      return storeHeader.call(this, firstLine, list);
    }
    if (given !== undefined && given !== null && this.getHeaderNames().length === 0) {
      for (const [name, value] of Object.entries(given)) this.setHeader(name, value);
    }
    this.setHeader('Cache-Control', privateValue(this.getHeader('cache-control')));
    this.setHeader('Vary', variedValue(this.getHeader('vary')));
    return storeHeader.call(this, firstLine, this[KEPT_HEADERS]);
  };
}

/** Node's own name for the headers of a response, which `_storeHeader` is given. */
const KEPT_HEADERS = (() => {
  const probe = new http.OutgoingMessage();
  probe.setHeader('a', '1');
  return Object.getOwnPropertySymbols(probe).find((symbol) => probe[symbol]?.a !== undefined);
})();

const guarded = new WeakSet();

function guard(req, res, next) {
  // An app mounted in an app is guarded once. Connections in memory are not of this package's tests.
  if (guarded.has(req) || !(req.socket instanceof net.Socket)) return next();
  guarded.add(req);
  if (mode === 'headers') {
    setTwoHeaders(res);
    return next();
  }
  const sent = Object.getOwnPropertyDescriptor(req.headers, HEADER);
  req.headers[HEADER] = token;
  requireApiKey(req, res, (error) => {
    if (sent === undefined) delete req.headers[HEADER];
    else Object.defineProperty(req.headers, HEADER, sent);
    delete req.apiKey;
    if (error || mode === 'key') next(error);
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
