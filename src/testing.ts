import type { ApiKeys } from './api-keys';
import type { Clock } from './clock';
import { createApiKeys } from './create-api-keys';
import { KeyscopeError } from './errors';
import type { Duration } from './keys/selection';
import { parseDuration } from './keys/time';
import type { CreateKeyInput } from './keys/types';
import type { ApiKeysOptions } from './options';

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  /**
   * Moves the time forward: milliseconds, or a string such as `'90d'`, `'12h'` or `'30s'`.
   *
   * @throws {KeyscopeError} `invalid_request` if it is no duration.
   */
  advance(duration: Duration): void;
}

/** API keys in memory, whose time a test controls. */
export interface TestKeys<Permission extends string = string> {
  /** For the app under test. */
  readonly apiKeys: ApiKeys<Permission>;
  readonly clock: TestClock;
  /**
   * Creates a key and returns its token. Default: all declared permissions, all agents.
   *
   * @example await tokenFor({ permissions: ['orders'], agents: ['A'], expiresIn: '1h' })
   */
  tokenFor(input?: Partial<CreateKeyInput<Permission>>): Promise<string>;
}

/**
 * Options of `createTestKeys`: those of `createApiKeys`, and `now`, the time at which the clock begins (default: the
 * machine's). Without `redis` and `clock`.
 */
export interface TestKeysOptions<Permission extends string = string>
  extends Omit<ApiKeysOptions<Permission>, 'redis' | 'clock'> {
  readonly now?: Date;
}

function createTestClock(start: number): TestClock {
  let elapsed = 0;
  return {
    wall: () => start + elapsed,
    monotonic: () => elapsed,
    advance(duration) {
      const ms = parseDuration(duration);
      if (ms === null || ms < 0) {
        throw new KeyscopeError(
          'invalid_request',
          "advance: expected milliseconds from 0, or a string such as '90d', '12h' or '30s'.",
        );
      }
      elapsed += ms;
    },
  };
}

/**
 * Creates API keys for tests: in memory, with a clock that the test moves. Nothing has to be closed.
 *
 * @throws {KeyscopeError} `invalid_options` with all issues of the options.
 * @example
 * const { apiKeys, clock, tokenFor } = createTestKeys({ permissions: { orders: { label: 'Orders' } } });
 * const token = await tokenFor({ expiresIn: '1d' });
 * clock.advance('25h');   // the token has expired
 */
export function createTestKeys<const Permission extends string>({
  now = new Date(),
  ...options
}: TestKeysOptions<Permission>): TestKeys<Permission> {
  const clock = createTestClock(now.getTime());
  const apiKeys = createApiKeys<Permission>({ telemetry: false, ...options, clock });
  const permissions = Object.keys(options.permissions) as Permission[];
  return {
    apiKeys,
    clock,
    async tokenFor(input = {}) {
      const { token } = await apiKeys.keys.create({ name: 'test', permissions, ...input });
      return token;
    },
  };
}
