import type { CommandContext, OptionSpecs } from '../command';

/** Options that select keys. The key service validates their values. */
export const FILTER_OPTIONS: OptionSpecs = {
  status: { value: 'STATUS', help: 'Keys that are active, disabled, expired or rotated.' },
  'expiring-within': { value: 'DURATION', help: 'Keys that expire within this time, such as 30d.' },
  'unused-for': { value: 'DURATION', help: 'Keys that were neither used nor created in this time, such as 90d.' },
  permission: { value: 'NAME', help: 'Keys with this permission.' },
  agent: { value: 'ID', help: 'Keys that name this agent; all: keys for all agents.' },
  owner: { value: 'KIND:ID', help: 'Keys of this owner: user:ID or service:ID; none: keys without one.' },
  'of-environment': { value: 'NAME', help: 'Keys of this environment.' },
  metadata: { value: 'NAME=VALUE', multiple: true, help: 'Keys with this metadata; once for each name.' },
  'created-by': { value: 'TEXT', help: 'Keys that this person or program has created.' },
};

const FIELDS: Readonly<Record<string, string>> = {
  status: 'status',
  'expiring-within': 'expiringWithin',
  'unused-for': 'unusedFor',
  permission: 'permission',
  agent: 'agent',
  owner: 'owner',
  'of-environment': 'environment',
  'created-by': 'createdBy',
};

/** The filter that is given, by the names of `KeyFilterInput`. */
export function filterOptionsOf({ values }: Pick<CommandContext, 'values'>): Record<string, unknown> {
  const filter: Record<string, unknown> = {};
  for (const [option, field] of Object.entries(FIELDS)) {
    const given = values.text(option);
    if (given !== undefined) filter[field] = given;
  }
  const metadata = values.texts('metadata');
  if (metadata.length > 0) filter.metadata = metadata;
  return filter;
}
