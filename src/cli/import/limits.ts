import { type Field, fieldOf, fold } from './fields';
import { statusOf, toBoolean } from './words';

/** Parts of folded names that say that a key has ended or will end. */
const ENDS =
  /delet|revok|revoc|archiv|deactiv|inactiv|disab|suspen|blocked|banned|cancel|invalid|terminat|retire|trash|tombst|expir|valid(?:until|till|to|thr|before)|discard|destroy|purge|obsolet|supersed|blacklist|denylist|frozen|freez/;

/** Parts of folded names that may limit a key, unless they are times of use such as `last_active_at`. */
const MAY_LIMIT = new RegExp(
  [
    'activ|enabl|status|(?:^|[^bc])locked|voided|replac|rotat|lapse|hidden|closed|paus|lifecycle|state$|denied|stolen|until|lifetime|ttl$',
    '^(?:is|has|date|key|token)*end(?:s|ed)?(?:at|on|by|date|time)?$|notafter|notbefore',
    'abilit|privileg|grants?$|roles?$|scope|permission|restrict|readonly|allowed|allowlist|whitelist',
    '^(?:agent|project)s?(?:ids?|names?|slugs?|list)?$',
  ].join('|'),
);

/** Folded names of columns that say when a key was made or used, and of limits that keyscope does not have. */
const HARMLESS =
  /^(?:last|first|ratelimit)|creat|updat|modif|insert|issu|start|since|begin|regist|sync|refresh|import|seen|used|access|activat(?:ed|ion)(?:at|on|date)/;

const STATED: ReadonlySet<Field | undefined> = new Set([
  ...(['expiresAt', 'disabled', 'enabled', 'active', 'status', 'inactive'] as const),
]);

/** True if a column that has no field says by its name that it may limit a key. */
export function nameMayLimit(column: string): boolean {
  const name = fold(column);
  return ENDS.test(name) || (MAY_LIMIT.test(name) && !HARMLESS.test(name));
}

function parseObject(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** True if a member, at any depth, may limit a key: `{ "lifecycle": { "deletedAt": "2024-01-01" } }`. */
function membersMayLimit(value: object): boolean {
  return Object.entries(value).some(
    ([name, member]) =>
      (!Array.isArray(value) && (STATED.has(fieldOf(name, undefined)) || nameMayLimit(name))) ||
      (typeof member === 'object' && member !== null && membersMayLimit(member)),
  );
}

/** True if the value of a column with a name that says nothing is a flag, a time, a state, or holds one of these. */
export function valueMayLimit(column: string, given: unknown): boolean {
  const value = parseObject(given);
  if (typeof value === 'object' && value !== null) return membersMayLimit(value);
  const name = fold(column);
  if (HARMLESS.test(name)) return false;
  const state = statusOf(value);
  if (state === 'inactive' || state === 'disabled') return true;
  const isFlag = /^(?:is|has|was)(?:[\s_-]|[A-Z])/.test(column) || !/^[\d\s]*$/.test(String(value ?? ''));
  return (isFlag && toBoolean(value) !== undefined) || (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}/.test(value));
}
