import type { RateLimitInput, UpdateKeyInput } from '../../keys/types';
import type { CommandContext, OptionSpecs } from '../command';
import { isEveryAgent } from '../import/read-names';
import { usageError } from '../io';
import { splitNames } from '../settings';

type Given = Pick<CommandContext, 'values'>;

export const EXPIRY_OPTIONS: OptionSpecs = {
  'expires-in': {
    value: 'DURATION',
    help: 'Lifetime: 90d, 12h, 30m. Default: 365d, or `defaultLifetime` of the configuration.',
  },
  'expires-at': { value: 'TIME', help: 'End: 2031-05-01, which is 00:00 UTC, or 2031-05-01T12:00:00Z.' },
};

const LIMITS = 'Limit of requests, such as 1000/1m or 50000/1d; up to four. none: no limit. default: those of the app.';
const ADDRESSES = 'Addresses or CIDR blocks that may use the key.';

/** Options for the optional columns of a key. */
export const COLUMN_OPTIONS: OptionSpecs = {
  'allowed-ips': { value: 'any|A,B', multiple: true, help: `${ADDRESSES} Default: any.` },
  'rate-limit': { value: 'N/WINDOW', multiple: true, help: LIMITS },
};
export const COLUMN_CHANGE_OPTIONS: OptionSpecs = {
  'allowed-ips': { value: 'any|A,B', multiple: true, help: ADDRESSES },
  'rate-limit': { value: 'N/WINDOW', multiple: true, help: LIMITS },
};

function rateLimitsOf(given: readonly string[]): readonly RateLimitInput[] | null {
  if (given.length === 1 && given[0] === 'default') return null;
  if (given.length === 1 && given[0] === 'none') return [];
  return given.map((text) => {
    const [, limit, window] = /^(\d{1,10})\/(\w+)$/.exec(text) ?? [];
    if (limit === undefined || window === undefined) {
      throw usageError('--rate-limit: expected requests and a window, such as 1000/1m; or `none`, or `default`.');
    }
    return { limit: Number(limit), window };
  });
}

/** The optional columns that are given. */
export function columnsOf({ values }: Given): Pick<UpdateKeyInput, 'allowedIps' | 'rateLimit'> {
  const addresses = values.texts('allowed-ips').flatMap(splitNames);
  const limits = values.texts('rate-limit').flatMap(splitNames);
  return {
    ...(addresses.length > 0 && { allowedIps: addresses.length === 1 && addresses[0] === 'any' ? [] : addresses }),
    ...(limits.length > 0 && { rateLimit: rateLimitsOf(limits) }),
  };
}

export function permissionsOf({ values }: Given): string[] {
  return values.texts('permissions').flatMap(splitNames);
}

/** `--agents` takes several ids. `--agent` takes one id verbatim, with its commas. */
export function agentsOf({ values }: Given): 'all' | string[] {
  const several = values.texts('agents').flatMap(splitNames);
  const single = values.texts('agent');
  if (several.length === 1 && several[0] === 'all' && single.length === 0) return 'all';
  const names = [...several, ...single];
  if (names.some(isEveryAgent))
    throw usageError('--agents: write --agents all for every agent. * and ALL are not ids.');
  return names;
}

export function expiryOf({ values }: Given): { expiresAt?: string; expiresIn?: string } {
  const [expiresAt, expiresIn] = [values.text('expires-at'), values.text('expires-in')];
  return { ...(expiresAt === undefined ? {} : { expiresAt }), ...(expiresIn === undefined ? {} : { expiresIn }) };
}
