import type { KeyscopeError } from '../../errors';
import type { ImportKeyInput } from '../../keys/model';
import { parseTime } from '../../keys/time';
import { inputError } from '../../schema';
import type { Field } from './columns';

/** What holds for rows that do not say it themselves. */
export interface Defaults {
  readonly name?: string;
  readonly agents?: 'all' | readonly string[];
  readonly permissions?: readonly string[];
  readonly expiresAt?: string;
  readonly expiresIn?: string;
  /** What permissions are called here, by what they are called there. */
  readonly renamed: ReadonlyMap<string, string>;
}

/** What a row comes to. It is an input to be checked, whatever it holds: what is wrong is told by who checks it. */
export interface ReadKey {
  readonly input: ImportKeyInput;
  /** The key has expired where it comes from. */
  readonly expired: boolean;
}

/** How PostgreSQL's COPY writes NULL. */
const NULL_TEXT = '\\N';
/** Below, a number of this size is seconds since the epoch, up to the year 5138; above, milliseconds, from 1973 on. */
const FIRST_MILLISECONDS = 1e11;
const NUMBER = /^\d{1,16}(?:\.\d{1,6})?$/;
/** A time as databases write it, with a space before the time of day, and the zone's minutes left out. */
const DATABASE_TIME = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)\s?(Z|[+-]\d{2}(?::?\d{2})?|UTC)?$/;
const TRUE = new Set(['true', 't', 'yes', '1']);
const FALSE = new Set(['false', 'f', 'no', '0']);

function problem(field: string, message: string): KeyscopeError {
  return inputError('import', [{ path: field, message }]);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '' || value === NULL_TEXT;
}

function parseJson(text: string, field: Field): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw problem(field, 'This begins as JSON does, and is none.');
  }
}

/** Names in one text, or a list. What is neither is left to the check. */
function readNames(value: unknown, field: Field): unknown {
  if (typeof value !== 'string') return value;
  if (/^[[{]/.test(value)) return parseJson(value, field);
  return value
    .split(/[,;|]/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function readAgents(value: unknown): unknown {
  const names = readNames(value, 'agents');
  return Array.isArray(names) && names.length === 1 && names[0] === 'all' ? 'all' : names;
}

/** Names, or what better-auth has: actions by resource, `{"conversations":["read"]}`, here `conversations:read`. */
function readPermissions(value: unknown, renamed: Defaults['renamed']): unknown {
  const names = readNames(value, 'permissions');
  const list =
    typeof names === 'object' && names !== null && !Array.isArray(names)
      ? Object.entries(names).flatMap(([resource, actions]) =>
          Array.isArray(actions) ? actions.map((action) => `${resource}:${action}`) : [resource],
        )
      : names;
  if (!Array.isArray(list)) return list;
  // Two of theirs may be one of ours.
  return [...new Set(list.map((name) => renamed.get(name) ?? name))];
}

function readTime(value: unknown): unknown {
  if (typeof value === 'number' || (typeof value === 'string' && NUMBER.test(value))) {
    const number = Number(value);
    return Math.floor(number < FIRST_MILLISECONDS ? number * 1000 : number);
  }
  const [, day, time, zone] = (typeof value === 'string' && DATABASE_TIME.exec(value)) || [];
  if (day === undefined) return value;
  if (zone === undefined) {
    throw problem('expiresAt', 'The time of day has no zone: end it in Z, or in +02:00 and the like.');
  }
  const digits = zone.replace(':', '');
  return `${day}T${time}${/^[+-]/.test(digits) ? `${digits.slice(0, 3)}:${digits.slice(3) || '00'}` : 'Z'}`;
}

function readFlag(value: unknown, field: Field): boolean {
  const text = String(value).toLowerCase();
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw problem(field, 'Give true or false.');
}

/** A label that holds the token would show it in every list. */
function refuseShownToken({ token, name, createdBy, agents }: ImportKeyInput): void {
  if (typeof token !== 'string' || token === '') return;
  const shown = { name, createdBy, agents: Array.isArray(agents) ? agents.join('\n') : undefined };
  for (const [field, value] of Object.entries(shown)) {
    if (typeof value === 'string' && value.includes(token)) {
      throw problem(field, 'This holds the token, and is shown in lists. Is the right column named?');
    }
  }
}

/**
 * What a row says of a key, put together with the defaults.
 *
 * @throws {KeyscopeError} `invalid_request` where it cannot be understood.
 */
export function readKey(row: ReadonlyMap<Field, unknown>, defaults: Defaults, now: number): ReadKey {
  const given = new Map(
    [...row].map(([field, value]) => [field, typeof value === 'string' ? value.trim() : value] as const),
  );
  const has = (field: Field) => !isAbsent(given.get(field));
  const either = <T>(field: Field, read: (value: unknown) => unknown, otherwise: T) =>
    has(field) ? (read(given.get(field)) as T) : otherwise;
  const same = (value: unknown) => value;

  const expiresAt = either<unknown>('expiresAt', readTime, undefined);
  const end = parseTime(expiresAt);
  const input = {
    ...(has('token') ? { token: given.get('token') } : {}),
    ...(has('sha256') ? { sha256: given.get('sha256') } : {}),
    name: either('name', same, defaults.name),
    agents: either('agents', readAgents, defaults.agents),
    permissions: either('permissions', (value) => readPermissions(value, defaults.renamed), defaults.permissions),
    ...(has('createdBy') ? { createdBy: given.get('createdBy') } : {}),
    ...(expiresAt === undefined
      ? { expiresAt: defaults.expiresAt, expiresIn: defaults.expiresIn }
      : { expiresAt: expiresAt }),
    disabled:
      either('disabled', (value) => readFlag(value, 'disabled'), false) ||
      !either('enabled', (value) => readFlag(value, 'enabled'), true),
  } as ImportKeyInput;
  refuseShownToken(input);
  return { input, expired: end !== null && end <= now };
}
