import { type RateLimitRequestHandler, rateLimit } from 'express-rate-limit';

/**
 * Limits failed authentication by address, before `requireApiKey`. With several processes, give it a store:
 * `new RedisStore({ sendCommand: (command, ...args) => redis.call(command, ...args) })` of `rate-limit-redis`.
 */
export function limitFailures(limit: number): RateLimitRequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit,
    requestWasSuccessful: (_req, res) => res.statusCode !== 401,
    skipSuccessfulRequests: true,
    // keyscope sets `RateLimit` for its own limits.
    standardHeaders: false,
    legacyHeaders: false,
  });
}
