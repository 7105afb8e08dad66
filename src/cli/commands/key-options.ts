import type { RateLimitInput, UpdateKeyInput } from '../../keys/types';
import { parseOwner, parseRateLimit } from '../column-text';
import type { CommandContext, OptionSpecs } from '../command';
import { isEveryAgent } from '../import/read-names';
import { usageError } from '../io';
import { splitNames } from '../settings';

type Given = Pick<CommandContext, 'values'>;

export const EXPIRY_OPTIONS: OptionSpecs = {
  'expires-in': {
    value: 'DURATION',
    help: 'Lifetime: 90d, 12h, 30m; never, if the app allows it. Default: 365d, or `defaultLifetime` of the configuration.',
  },
  'expires-at': { value: 'TIME', help: 'End: 2031-05-01, which is 00:00 UTC, or 2031-05-01T12:00:00Z.' },
};

const ADDRESSES = 'Addresses or CIDR blocks from which the key is accepted.';

const LIMITS = 'Limit of requests, such as 1000/1m or 50000/1d; up to four. none: no limit. default: those of the app.';

/** Options for the optional columns of a key. */
export const COLUMN_OPTIONS: OptionSpecs = {
  'allowed-ips': { value: 'any|A,B', multiple: true, help: ADDRESSES },
  'rate-limit': { value: 'N/WINDOW', multiple: true, help: LIMITS },
  owner: { value: 'KIND:ID', help: 'Owner: user:ID, service:ID or none.' },
  contact: { value: 'EMAIL', help: 'E-mail address for warnings about the key, or none.' },
  metadata: { value: 'NAME=VALUE', multiple: true, help: 'Facts about the key, all of them; or none.' },
};

function rateLimitsOf(given: readonly string[]): readonly RateLimitInput[] | null {
  if (given.length === 1 && given[0] === 'default') return null;
  if (given.length === 1 && given[0] === 'none') return [];
  return given.map((text) => {
    const limit = parseRateLimit(text);
    if (limit === null) {
      throw usageError('--rate-limit: expected requests and a window, such as 1000/1m; or `none`, or `default`.');
    }
    return limit;
  });
}

function addressesOf({ values }: Given): string[] | undefined {
  const addresses = values.texts('allowed-ips').flatMap(splitNames);
  if (addresses.length === 0) return undefined;
  return addresses.length === 1 && addresses[0] === 'any' ? [] : addresses;
}

function ownerOf({ values }: Given): UpdateKeyInput['owner'] {
  const given = values.text('owner');
  if (given === undefined) return undefined;
  if (given === 'none') return null;
  const owner = parseOwner(given);
  if (owner === null) throw usageError('--owner: expected user:ID, service:ID or none.');
  return owner;
}

function metadataOf({ values }: Given): UpdateKeyInput['metadata'] {
  const given = values.texts('metadata');
  if (given.length === 0) return undefined;
  if (given.length === 1 && given[0] === 'none') return {};
  return Object.fromEntries(
    given.map((pair) => {
      const end = pair.indexOf('=');
      if (end === -1) throw usageError('--metadata: expected NAME=VALUE, once for each name, or none.');
      return [pair.slice(0, end), pair.slice(end + 1)];
    }),
  );
}

type GivenColumns = Pick<UpdateKeyInput, 'allowedIps' | 'rateLimit' | 'owner' | 'contact' | 'metadata'>;

/** The optional columns that are given. */
export function columnsOf(context: Given): GivenColumns {
  const contact = context.values.text('contact');
  const limits = context.values.texts('rate-limit').flatMap(splitNames);
  const columns = {
    allowedIps: addressesOf(context),
    rateLimit: limits.length === 0 ? undefined : rateLimitsOf(limits),
    owner: ownerOf(context),
    contact: contact === 'none' ? null : contact,
    metadata: metadataOf(context),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
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
