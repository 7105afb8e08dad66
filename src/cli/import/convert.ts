import type { InputIssue } from '../../errors';
import type { ImportKeyInput } from '../../keys/types';
import type { Field } from './columns';

/** What holds for rows that do not say. */
export interface Defaults {
  readonly name?: string;
  readonly agents?: 'all' | readonly string[];
  readonly permissions?: readonly string[];
  readonly expiresAt?: string;
  readonly expiresIn?: string;
}

/** As in SQL dumps: a space between day and time, and a zone of whole hours. */
const SQL_TIME = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(Z|[+-]\d{2})(:?\d{2})?$/;
/** Seconds up to here, the year 5138; milliseconds from here on, March 1973. */
const LAST_SECOND = 100_000_000_000;
const YES = new Set(['true', 't', 'yes', 'y', '1']);
const NO = new Set(['false', 'f', 'no', 'n', '0']);

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && /^\s*(?:null|\\N)?\s*$/i.test(value));
}

/** A time as others write it. What is none stays as it is, for the check that comes after. */
function toTime(value: unknown): unknown {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number') return number < LAST_SECOND ? number * 1000 : number;
  const [, day, time, zone, minutes = ':00'] = (typeof value === 'string' && SQL_TIME.exec(value)) || [];
  if (day === undefined) return value;
  return `${day}T${time}${zone === 'Z' ? zone : `${zone}:${minutes.replace(':', '')}`}`;
}

function toBoolean(value: unknown): boolean | undefined {
  const word = String(value).toLowerCase();
  return YES.has(word) ? true : NO.has(word) ? false : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Names in one text, as JSON or with commas or semicolons between them. */
function toNames(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const json = /^\s*[[{"]/.test(value) ? parsed(value) : value;
  if (typeof json !== 'string') return json;
  const names = json.split(/[,;]/).map((name) => name.trim());
  return names.filter((name) => name !== '');
}

/** `{ "files": ["read"] }` is `files:read`. */
function toPermissions(value: unknown): unknown {
  const names = toNames(value);
  if (typeof names !== 'object' || names === null || Array.isArray(names)) return names;
  return Object.entries(names).flatMap(([resource, actions]) =>
    (Array.isArray(actions) ? actions : [actions]).map((action) => `${resource}:${action}`),
  );
}

function toAgents(value: unknown): unknown {
  const names = toNames(value);
  return Array.isArray(names) && names.length === 1 && names[0] === 'all' ? 'all' : names;
}

/** What is given to `keys.import` for a row, and what could not be made sense of before that. Empty means: not said. */
export function toImport(
  row: ReadonlyMap<Field, unknown>,
  defaults: Defaults,
): { input: ImportKeyInput; problems: InputIssue[] } {
  const problems: InputIssue[] = [];
  const input: Record<string, unknown> = { ...defaults };
  const read = (field: Field, take: (value: unknown) => void) => {
    const value = row.get(field);
    if (!isEmpty(value)) take(value);
  };
  const readFlag = (field: Field, take: (flag: boolean) => void) =>
    read(field, (value) => {
      const flag = toBoolean(value);
      if (flag === undefined) problems.push({ path: field, message: 'Give true or false.' });
      else take(flag);
    });

  for (const field of ['token', 'sha256', 'name', 'createdBy'] as const) {
    read(field, (value) => {
      input[field] = typeof value === 'number' ? String(value) : value;
    });
  }
  read('agents', (value) => {
    input.agents = toAgents(value);
  });
  read('permissions', (value) => {
    const permissions = toPermissions(value);
    if (!Array.isArray(permissions) || permissions.length > 0) input.permissions = permissions;
  });
  read('expiresAt', (value) => {
    input.expiresAt = toTime(value);
    delete input.expiresIn;
  });
  readFlag('disabled', (disabled) => {
    input.disabled = disabled;
  });
  readFlag('enabled', (enabled) => {
    input.disabled = !enabled || input.disabled === true;
  });
  return { input: input as unknown as ImportKeyInput, problems };
}
