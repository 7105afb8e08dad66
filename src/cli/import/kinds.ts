import { type Style, table } from '../terminal-text';
import type { Candidate } from './plan';

/** Rows that become keys of the same kind. */
export interface Kind {
  readonly rows: number;
  readonly becomes: string;
  readonly agents: string;
  readonly permissions: string;
  readonly expiry: string;
}

const COLUMNS = [
  { heading: 'ROWS' },
  { heading: 'BECOME' },
  { heading: 'AGENTS' },
  { heading: 'PERMISSIONS', minimum: 11 },
  { heading: 'EXPIRY' },
];

/** Kinds printed one by one. The rest is one line. */
const MAX_KINDS = 50;

function describe({ input, statesExpiry }: Candidate): Omit<Kind, 'rows'> {
  const { disabled, agents, permissions } = input;
  return {
    becomes: disabled ? 'disabled key' : 'active key',
    agents: typeof agents === 'object' ? `${agents.length} agent${agents.length === 1 ? '' : 's'}` : 'all',
    permissions: [...permissions].sort().join(', '),
    expiry: statesExpiry ? 'from the file' : 'default',
  };
}

/** The kinds of keys that rows become, most frequent first. */
export function kindsOf(candidates: readonly Candidate[]): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const candidate of candidates) {
    const kind = describe(candidate);
    const id = JSON.stringify(kind);
    kinds.set(id, { rows: (kinds.get(id)?.rows ?? 0) + 1, ...kind });
  }
  return [...kinds.values()].sort((a, b) => b.rows - a.rows);
}

/** The kinds as a table, with the rows that are left out. */
export function printKinds(
  kinds: readonly Kind[],
  left: { readonly expired: number; readonly inactive: number },
  style: Style,
): string {
  const rest = kinds.slice(MAX_KINDS).reduce((sum, { rows }) => sum + rows, 0);
  const rows = kinds
    .slice(0, MAX_KINDS)
    .map(({ rows: count, becomes, agents, permissions, expiry }) => [
      String(count),
      becomes,
      agents,
      permissions,
      expiry,
    ]);
  if (rest > 0) rows.push([String(rest), 'keys of other kinds', '', '', '']);
  if (left.inactive > 0) rows.push([String(left.inactive), 'left out: revoked, deleted or inactive', '', '', '']);
  if (left.expired > 0) rows.push([String(left.expired), 'left out: expired', '', '', '']);
  return table(COLUMNS, rows, style);
}
