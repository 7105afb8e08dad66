import type { UpdateKeyInput } from '../../keys/types';
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

const ADDRESSES = 'Addresses or CIDR blocks that may use the key.';

/** Options for the optional columns of a key. */
export const COLUMN_OPTIONS: OptionSpecs = {
  'allowed-ips': { value: 'any|A,B', multiple: true, help: `${ADDRESSES} Default: any.` },
};
export const COLUMN_CHANGE_OPTIONS: OptionSpecs = {
  'allowed-ips': { value: 'any|A,B', multiple: true, help: ADDRESSES },
};

/** The optional columns that are given. */
export function columnsOf({ values }: Given): Pick<UpdateKeyInput, 'allowedIps'> {
  const addresses = values.texts('allowed-ips').flatMap(splitNames);
  if (addresses.length === 0) return {};
  return { allowedIps: addresses.length === 1 && addresses[0] === 'any' ? [] : addresses };
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
