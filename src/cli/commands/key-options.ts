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
