// Hand-written middleware for one app: the floors that keyscope's cost is compared with.
//
// The key floor does the least that authenticates a token at all: a regular expression for its form, one SHA-256, one
// LRU lookup by id, a constant-time comparison, one property of `req`. It has no invalidation, no lease, no workspace,
// no scope by agent, no usage counters and no events.
//
// The redaction floor adds a `res.json` replaced on the response, `Cache-Control: private` and `Vary`. It covers
// `res.json` of this one body and nothing else: not `send`, not `write`, not streams, not errors.
import { hash, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';

const TOKEN = /^ks_([0-9A-Za-z]{16})_[0-9A-Za-z]{38}$/;

/** Authenticates the one token that the bench sends. */
export function keyByHand(token) {
  const cache = new LRUCache({ max: 10_000 });
  const [, id] = TOKEN.exec(token);
  const apiKey = Object.freeze({ id, permissions: new Set(['conversations']) });
  cache.set(id, {
    digest: Buffer.from(hash('sha256', token, 'hex'), 'latin1'),
    expiresAt: Date.now() + 3_600_000,
    apiKey,
  });

  return function keyMiddleware(req, res, next) {
    const sent = req.headers['x-api-key'];
    const match = typeof sent === 'string' ? TOKEN.exec(sent) : null;
    const entry = match === null ? undefined : cache.get(match[1]);
    if (
      entry === undefined ||
      !timingSafeEqual(Buffer.from(hash('sha256', sent, 'hex'), 'latin1'), entry.digest) ||
      entry.expiresAt <= Date.now()
    ) {
      res.status(401).json({ error: 'invalid key' });
      return;
    }
    if (!entry.apiKey.permissions.has('conversations')) {
      res.status(403).json({ error: 'permission denied' });
      return;
    }
    req.apiKey = entry.apiKey;
    next();
  };
}

/** `{ transcript, metrics }` of the one project that the bench asks for. */
export function redactByHand({ transcript, metrics }) {
  const all = transcript && metrics === 'all';
  const enabled = new Set(metrics === 'all' ? [] : metrics);

  function redact(one) {
    const copy = { ...one };
    if (!transcript) copy.turns = [];
    if (metrics !== 'all') {
      copy.metrics = Object.fromEntries(Object.entries(one.metrics).filter(([name]) => enabled.has(name)));
    }
    return copy;
  }

  return function redactMiddleware(_req, res, next) {
    const { json } = res;
    res.json = function jsonRedacted(body) {
      this.setHeader('Cache-Control', 'private');
      this.vary('X-API-Key');
      if (all) return json.call(this, body);
      this.setHeader('Redacted', transcript ? 'metrics' : metrics === 'all' ? 'transcript' : 'transcript, metrics');
      return json.call(this, { ...body, conversations: body.conversations.map(redact) });
    };
    next();
  };
}
