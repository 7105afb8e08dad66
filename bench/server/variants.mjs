// The Express apps that the suite measures, by name. Each runs alone in a process, so that V8 compiles it as it would compile
// an app that has nothing else in it. `baseline` names the plain app with the same body, `floor` the app written by hand
// that does the same for this one route.
import compression from 'compression';
import { createApiKeys } from 'keyscope';
import { jwtBearer, redisGet } from '../auth/competitors.mjs';
import { connectRedis } from '../lib/redis.mjs';
import { unknownToken } from '../lib/token.mjs';
import { createPage } from '../redaction/payload.mjs';
import { keyByHand, redactByHand } from './by-hand.mjs';

const WORKSPACE = 'ws-fd112d8f';
const PROJECT = 'PROJECT-58RP822I';
const ROUTE = '/v3/:account_id/:project_id/conversations';
export const PATH = `/v3/${WORKSPACE}/${PROJECT}/conversations?limit=100`;
const PARAMETERS = { workspace: 'account_id', agent: 'project_id' };
const EVERYTHING = { transcript: true, metrics: 'all' };
const NO_TRANSCRIPT = { transcript: false, metrics: 'all' };

/** 300 bytes of JSON: one conversation with one turn. */
const SMALL = {
  conversations: [
    {
      id: 'CA00000000000000000000000000000000',
      project_id: PROJECT,
      started_at: '2026-08-01T12:00:00.000Z',
      num_turns: 1,
      metrics: { CALL_COMPLETED: 'true', CSAT_SCORE: '4' },
      turns: [{ user_input: 'Hello?', agent_response: 'How can I help?' }],
    },
  ],
  cursor: null,
};
const PAGE = createPage(25);
for (const conversation of PAGE.conversations) conversation.project_id = PROJECT;

const keyHeader = (token) => ({ 'X-API-Key': token });

async function createInstance(redis, features, rateLimit = null) {
  // The apps of a run share a Redis: each has a namespace of its own, so that none changes another's configuration.
  const apiKeys = createApiKeys({
    permissions: { conversations: { label: 'Conversations data' } },
    redis,
    namespace: `bench-${process.pid}`,
  });
  await apiKeys.ready();
  await apiKeys.projects.set(PROJECT, features, { workspaceId: WORKSPACE });
  const { token } = await apiKeys.keys.create({
    workspaceId: WORKSPACE,
    name: 'CRM',
    agents: [PROJECT],
    permissions: ['conversations'],
    rateLimit,
  });
  return { apiKeys, token };
}

// Middleware before the handler: `(redis) => { middleware, headers }`.

const plain = async () => ({ middleware: [], headers: keyHeader(unknownToken()) });

async function handWrittenKey() {
  const token = unknownToken();
  return { middleware: [keyByHand(token)], headers: keyHeader(token) };
}

const handWritten = (features) => async () => {
  const token = unknownToken();
  return { middleware: [keyByHand(token), redactByHand(features)], headers: keyHeader(token) };
};

async function cachedKey(redis) {
  const { apiKeys, token } = await createInstance(redis, EVERYTHING);
  return { middleware: [apiKeys.requireApiKey('conversations', PARAMETERS)], headers: keyHeader(token) };
}

/** So large that no request of a run exceeds it. */
const LIMIT = 100_000_000;

async function limitedKey(redis) {
  const { apiKeys, token } = await createInstance(redis, EVERYTHING, [{ limit: LIMIT, window: '1h' }]);
  return { middleware: [apiKeys.requireApiKey('conversations', PARAMETERS)], headers: keyHeader(token) };
}

/** The key by hand, and a counter in Redis for each request. */
async function expressRateLimit(redis) {
  const [{ rateLimit }, { RedisStore }] = await Promise.all([import('express-rate-limit'), import('rate-limit-redis')]);
  const token = unknownToken();
  const limit = rateLimit({
    windowMs: 3_600_000,
    limit: LIMIT,
    keyGenerator: (req) => req.headers['x-api-key'],
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    store: new RedisStore({
      prefix: `bench-${process.pid}:`,
      sendCommand: (command, ...args) => redis.call(command, ...args),
    }),
  });
  return { middleware: [keyByHand(token), limit], headers: keyHeader(token) };
}

const redacted = (features) => async (redis) => {
  const { apiKeys, token } = await createInstance(redis, features);
  return {
    middleware: [apiKeys.requireApiKey('conversations', PARAMETERS), apiKeys.redactResponse()],
    headers: keyHeader(token),
  };
};

async function redisGetPerRequest(redis) {
  const { middleware, header } = await redisGet(redis);
  return { middleware: [middleware], headers: { [header[0]]: header[1] } };
}

async function jwt() {
  const { middleware, header } = await jwtBearer();
  return { middleware: [middleware], headers: { [header[0]]: header[1] } };
}

/** fast-redact changes the body that it is given: it is told to put it back. */
async function fastRedactWrapper() {
  const { default: fastRedact } = await import('fast-redact');
  const token = unknownToken();
  const redact = fastRedact({ paths: ['conversations[*].turns'], remove: true, serialize: JSON.stringify });
  function wrapper(_req, res, next) {
    res.json = function jsonRedacted(body) {
      this.type('json');
      return this.send(redact(body));
    };
    next();
  }
  return { middleware: [keyByHand(token), wrapper], headers: keyHeader(token) };
}

const variant = (
  name,
  prepare,
  { body = SMALL, baseline = 'plain', compressed = false, share = 1, floor, most, least } = {},
) => ({
  name,
  baseline,
  floor,
  /** How much of the usual number of requests makes a sample: a page takes many times the CPU of a small object. */
  share,
  /** The most CPU that the variant may take as a ratio to its floor, or to its baseline if it has none. */
  most,
  /** The least requests per second as a ratio to the baseline. */
  least,
  async build(express, redisUrl) {
    const redis = connectRedis({ url: redisUrl });
    const { middleware, headers } = await prepare(redis);
    const app = express();
    if (compressed) app.use(compression());
    app.get(ROUTE, ...middleware, (_req, res) => res.json(body));
    return { app, headers };
  },
});

const page = { body: PAGE, share: 0.1, baseline: 'page of 25: plain' };
const compressed = { compressed: true, baseline: 'compression: plain' };
const compressedPage = { ...page, compressed: true, share: 0.02, baseline: 'compression, page of 25: plain' };

export const VARIANTS = [
  variant('plain', plain),
  variant('key: by hand', handWrittenKey),
  variant('key: keyscope', cachedKey, { floor: 'key: by hand', most: 1.05, least: 0.85 }),
  variant('key: Redis GET per request', redisGetPerRequest),
  variant('key: express-oauth2-jwt-bearer', jwt),
  variant('key and rate limit: keyscope', limitedKey, { most: 1.15 }),
  variant('key and rate limit: express-rate-limit, rate-limit-redis', expressRateLimit),
  variant('everything enabled: by hand', handWritten(EVERYTHING)),
  variant('everything enabled: keyscope', redacted(EVERYTHING), {
    floor: 'everything enabled: by hand',
    most: 1.15,
    least: 0.75,
  }),
  variant('transcript off: by hand', handWritten(NO_TRANSCRIPT)),
  variant('transcript off: keyscope', redacted(NO_TRANSCRIPT), {
    floor: 'transcript off: by hand',
    most: 1.25,
    least: 0.75,
  }),
  variant('transcript off: fast-redact', fastRedactWrapper),
  variant('page of 25: plain', plain, page),
  variant('page of 25, transcript off: by hand', handWritten(NO_TRANSCRIPT), page),
  variant('page of 25, transcript off: keyscope', redacted(NO_TRANSCRIPT), { ...page, most: 0.7 }),
  variant('page of 25, everything enabled: keyscope', redacted(EVERYTHING), page),
  variant('compression: plain', plain, compressed),
  variant('compression, everything enabled: keyscope', redacted(EVERYTHING), compressed),
  variant('compression, transcript off: keyscope', redacted(NO_TRANSCRIPT), compressed),
  variant('compression, page of 25: plain', plain, compressedPage),
  variant('compression, page of 25, everything enabled: keyscope', redacted(EVERYTHING), compressedPage),
  variant('compression, page of 25, transcript off: keyscope', redacted(NO_TRANSCRIPT), compressedPage),
];
