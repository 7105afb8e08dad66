import type { NextFunction, Request, Response } from 'express';
import { createAccess } from '../../src/auth/access';
import type { Authenticator } from '../../src/auth/authenticator';
import type { TokenReader } from '../../src/auth/read-token';
import { createToCachedKey } from '../../src/auth/request-api-key';
import { createRequireApiKey, type RequireApiKeyDeps } from '../../src/auth/require-api-key';
import { createVerify } from '../../src/auth/verify';
import { Events } from '../../src/events';
import { RequestLimits } from '../../src/limits/request-limits';
import { timeoutError } from '../../src/timeout';
import { sampleKey } from '../store/sample';

const STORE_TIMEOUT = 500;
const permissions = ['conversations'];

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Resolves with `value` after some milliseconds of fake time, or rejects at `storeTimeout`. */
function after<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve, reject) => {
    if (ms < STORE_TIMEOUT) setTimeout(() => resolve(value), ms);
    else setTimeout(() => reject(timeoutError(STORE_TIMEOUT)), STORE_TIMEOUT);
  });
}

/**
 * A store that is `distance` milliseconds away, and of which nothing is cached.
 *
 * @param grants - Allowance in each reply, one after the other. Then others have taken all that there was.
 */
function setUp(distance: number, grants: number[]) {
  const fields = { agents: 'all' as const, expiresAt: Number.POSITIVE_INFINITY };
  const key = createToCachedKey()(sampleKey('ws', { ...fields, rateLimit: [{ limit: 1000, window: 60_000 }] }));
  const clock = { wall: () => Date.now(), monotonic: () => performance.now() };
  const authenticator: Authenticator = {
    parseKeyId: () => key.record.id,
    getVerified: () => undefined,
    getCached: () => undefined,
    fetch: () => after(distance, { outcome: key, isValid: () => true }),
  };
  const store = {
    leaseSlice: () => after(distance, { window: 1, endsIn: 60_000, leased: grants.shift() ?? 0, free: 1 }),
  };
  const settings = { default: [], permissions: new Map(), project: [], onStoreFailure: 'deny' as const };
  const timing = { clock, storeTimeout: STORE_TIMEOUT };
  const limits = new RequestLimits({ ...settings, ...timing, store, maxSubjects: 1, onUnchecked: () => {} });
  const events = new Events();
  const usage = { count: () => {} };
  const rule = { environment: null, accepts: [] };
  const access = createAccess({ ...rule, ...timing, authenticator, events, usage, prefix: 'ks' } as never);
  return { access, limits, clock, events };
}
type World = ReturnType<typeof setUp>;

/** `ok`, or the code of the error. */
type Outcome = string;
const DECISIONS: readonly [string, (world: World, fresh: boolean) => Promise<Outcome>][] = [
  [
    'verify',
    async (world, fresh) => {
      const result = await createVerify({ ...world, permissions, signals: null as never })('token', { fresh });
      return result.ok ? 'ok' : result.error.code;
    },
  ],
  [
    'requireApiKey',
    (world, fresh) =>
      new Promise((resolve, reject) => {
        const reader = { read: () => 'token' } as unknown as TokenReader;
        const fail: RequireApiKeyDeps['fail'] = ({ code }) => resolve(code);
        const parts = { reader, contexts: new WeakMap(), requestProperty: 'apiKey', fail };
        const deps = { ...world, ...parts, permissions } as unknown as RequireApiKeyDeps;
        const next = ((error?: Error) => (error === undefined ? resolve('ok') : reject(error))) as NextFunction;
        const res = { setHeader: () => {}, getHeader: () => undefined };
        createRequireApiKey(deps)(undefined, { fresh })({ headers: {} } as Request, res as unknown as Response, next);
      }),
  ],
];

/** The outcome, and the milliseconds of fake time until it is known. */
async function timed(decision: Promise<Outcome>): Promise<[Outcome, number]> {
  const since = performance.now();
  let ended: [Outcome, number] | undefined;
  decision.then((outcome) => {
    ended = [outcome, performance.now() - since];
  });
  while (ended === undefined) await jest.advanceTimersByTimeAsync(10);
  return ended;
}

describe.each(DECISIONS)('%s', (_name, decide) => {
  test.each([180, 300, 400])(
    'a request waits for its key and allowance no longer than two store timeouts when Redis is %d ms away and others take the allowance',
    async (distance) => {
      const [outcome, waited] = await timed(decide(setUp(distance, []), false));
      expect(outcome).toBe('store_unavailable');
      // The shortest timer takes a millisecond.
      expect(waited).toBeLessThanOrEqual(2 * STORE_TIMEOUT + 1);
    },
  );

  test.each([false, true])(
    'a request is allowed when Redis is 320 ms away and its key is read again: fresh %s',
    async (fresh) => {
      expect(await timed(decide(setUp(320, [1]), fresh))).toEqual(['ok', 960]);
    },
  );
});
