// The alternatives beside keyscope. Each is set up as its documentation shows, with every option for speed that keeps
// its checks (better-auth's rate limit, on by default, is off).
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { apiKey as apiKeyPlugin } from '@better-auth/api-key';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { auth as jwtAuth } from 'express-oauth2-jwt-bearer';
import { SignJWT } from 'jose';
import passport from 'passport';
import { HeaderAPIKeyStrategy } from 'passport-headerapikey';

const HOUR = 3_600_000;

function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}

function sameText(one, other) {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

/** One key in Redis, found by the digest of its token: what hand-written middleware usually does. */
async function seedKey(redis) {
  const token = randomBytes(32).toString('base64url');
  const digest = sha256(token);
  const record = { digest, workspaceId: 'ws-fd112d8f', permissions: ['conversations'], expiresAt: Date.now() + HOUR };
  await redis.set(`bench:key:${digest}`, JSON.stringify(record));
  return token;
}

async function readKey(redis, token) {
  const digest = sha256(token);
  const text = await redis.get(`bench:key:${digest}`);
  if (text === null) return null;
  const record = JSON.parse(text);
  const good = sameText(record.digest, digest) && record.expiresAt > Date.now();
  return good && record.permissions.includes('conversations') ? record : null;
}

export async function redisGet(redis) {
  const token = await seedKey(redis);
  return {
    header: ['X-API-Key', token],
    middleware: async function redisGetMiddleware(req, res, next) {
      const record = await readKey(redis, req.headers['x-api-key']);
      if (record === null) return res.status(401).json({ error: 'invalid key' });
      req.apiKey = record;
      next();
    },
  };
}

export async function passportHeaderApiKey(redis) {
  const token = await seedKey(redis);
  const authenticator = new passport.Passport();
  authenticator.use(
    new HeaderAPIKeyStrategy({ header: 'X-API-Key', prefix: '' }, false, function verify(key, done) {
      readKey(redis, key).then((record) => done(null, record ?? false), done);
    }),
  );
  return {
    header: ['X-API-Key', token],
    middleware: authenticator.authenticate('headerapikey', { session: false }),
  };
}

export async function jwtBearer() {
  const secret = randomBytes(32).toString('hex');
  const issuer = 'https://issuer.example.com/';
  const audience = 'https://api.example.com';
  const token = await new SignJWT({ scope: 'conversations' })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject('crm')
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
  return {
    header: ['Authorization', `Bearer ${token}`],
    middleware: jwtAuth({ issuer, audience, secret, tokenSigningAlg: 'HS256' }),
  };
}

/** Keys are in secondary storage if `redis` is given, else in better-auth's in-memory database. */
export async function betterAuthApiKey(redis) {
  const secondaryStorage = redis && {
    get: (key) => redis.get(key),
    set: (key, value, ttl) => (ttl ? redis.set(key, value, 'EX', Math.ceil(ttl)) : redis.set(key, value)),
    delete: (key) => redis.del(key),
  };
  const auth = betterAuth({
    baseURL: 'https://api.example.com',
    secret: randomBytes(32).toString('hex'),
    database: memoryAdapter({ user: [], session: [], account: [], verification: [], apikey: [] }),
    secondaryStorage,
    emailAndPassword: { enabled: true },
    logger: { level: 'error' },
    telemetry: { enabled: false },
    plugins: [
      apiKeyPlugin({
        storage: redis ? 'secondary-storage' : 'database',
        rateLimit: { enabled: false },
        permissions: { defaultPermissions: { api: ['conversations'] } },
      }),
    ],
  });
  const { user } = await auth.api.signUpEmail({
    body: { name: 'CRM', email: 'crm@example.com', password: randomBytes(16).toString('hex') },
  });
  const { key } = await auth.api.createApiKey({ body: { name: 'crm', userId: user.id } });
  return {
    header: ['X-API-Key', key],
    middleware: async function betterAuthMiddleware(req, res, next) {
      const result = await auth.api.verifyApiKey({
        body: { key: req.headers['x-api-key'], permissions: { api: ['conversations'] } },
      });
      if (!result.valid) return res.status(401).json({ error: 'invalid key' });
      req.apiKey = result.key;
      next();
    },
  };
}
