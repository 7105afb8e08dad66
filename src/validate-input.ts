import { types } from 'node:util';
import type { z } from 'zod';
import { didYouMean, listNames, MAX_SUGGESTIONS } from './did-you-mean';
import { type ErrorCode, type InputIssue, KeyscopeError } from './errors';

/** Fields whose values are never quoted in a message. */
const SECRET_FIELDS = new Set(['pepper', 'token', 'sha256', 'secret', 'digest', 'password']);
/** A run of this length is hardly a name. It can be a secret in the wrong field. */
const SECRET_LIKE = /[0-9A-Za-z]{20}/;
const SHOWN_LENGTH = 40;
/** Maximum length of a string that is searched for secrets. */
const MAX_SEARCHED = 1000;
const SHOWN_ISSUES = 5;
/** Bounds the work and the size of an error: an array of a million wrong entries is one mistake. */
const MAX_ISSUES = 50;

/** Addresses can contain passwords. Not one pattern, which would be slow for a string of colons. */
function isAddress(text: string): boolean {
  const colon = text.indexOf(':');
  return colon !== -1 && (text.includes('://') || text.lastIndexOf('@') > colon);
}

function mayBeSecret(text: string): boolean {
  // Longer strings are never quoted, so there is no need to search megabytes.
  if (text.length > MAX_SEARCHED) return true;
  return SECRET_LIKE.test(text) || isAddress(text);
}

/**
 * Describes a received value, safe to log and to send: strings are shortened, and possible secrets only measured.
 *
 * @param secret Never quote the value.
 */
export function describeValue(value: unknown, secret = false): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    if (value === '') return 'an empty string';
    if (secret || mayBeSecret(value)) return `a string of ${value.length} characters`;
    return JSON.stringify(value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH)}…` : value);
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`;
  if (secret) return types.isDate(value) ? 'a Date' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString();
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  return typeof value === 'object' ? 'an object' : String(value);
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  date: 'a Date',
};

function plural(count: number | bigint, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function bound(issue: { origin: string; inclusive?: boolean }, limit: number | bigint, end: 'least' | 'most'): string {
  if (issue.origin === 'string') return `Expected a string of at ${end} ${plural(limit, 'character')}.`;
  if (issue.origin === 'array')
    return `Expected an array of at ${end} ${limit === 1 ? '1 entry' : `${limit} entries`}.`;
  if (issue.inclusive === false) return `Expected ${end === 'least' ? 'more' : 'less'} than ${limit}.`;
  return `Expected at ${end} ${limit}.`;
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** More fields than any schema has. An object with more has unknown ones, and is rejected. */
const MAX_FIELDS = 1000;
const TOO_MANY_FIELDS = `Expected at most ${MAX_FIELDS} fields.`;

/** The object itself or, if it has very many fields, an object with the first of them, to find the unknown ones in. */
export function boundFields(value: object): object {
  const names = Object.keys(value);
  if (names.length <= MAX_FIELDS) return value;
  const source = value as Record<string, unknown>;
  return Object.fromEntries(names.slice(0, MAX_FIELDS).map((name) => [name, source[name]]));
}

/**
 * Own members of an object. Zod also reads inherited ones, and options such as `optional: true` must not come from a
 * polluted prototype.
 */
function ownMembers<T>(value: T): T {
  if (!isPlainObject(value)) return value;
  return Object.assign(Object.create(null) as object, value) as T;
}

const OBJECT_MESSAGE = 'Expected an object.';

type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

/** Says what is accepted, for rules without their own message. */
function acceptedMessage(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `Expected ${KINDS[issue.expected] ?? issue.expected}.`;
    case 'too_small':
      return bound(issue, issue.minimum as number, 'least');
    case 'too_big':
      return bound(issue, issue.maximum as number, 'most');
    case 'invalid_value': {
      const names = issue.values.map(String);
      return `${didYouMean(issue.input, names)}Accepted: ${issue.values.map((value) => JSON.stringify(value)).join(', ')}.`;
    }
    case 'invalid_key':
      return String(issue.issues[0]?.message ?? 'The name is not accepted.');
    case 'invalid_union': {
      const sentences = issue.errors.flat().map(({ message }) => message);
      return sentences.length > 0 ? [...new Set(sentences)].join(' Or: ') : 'The value is not accepted.';
    }
    default:
      return 'The value is not accepted.';
  }
}

type Definition = { type: string; shape?: Record<string, z.core.$ZodType>; [part: string]: unknown };

/** Fields that a schema accepts at a path. Zod reports only the unknown ones. */
function fieldsAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const definition = schema._zod.def as unknown as Definition;
  const [step, ...rest] = path;
  if (definition.shape) {
    if (step === undefined) return Object.keys(definition.shape);
    const field = Object.hasOwn(definition.shape, step) ? definition.shape[step as string] : undefined;
    return field ? fieldsAt(field, rest) : [];
  }
  if (Array.isArray(definition.options)) return definition.options.flatMap((option) => fieldsAt(option, path));
  const element = definition.element ?? definition.valueType;
  if (element) return fieldsAt(element as z.core.$ZodType, rest);
  const inner = definition.innerType ?? definition.in;
  return inner ? fieldsAt(inner as z.core.$ZodType, path) : [];
}

/** Name of a field for a message. The caller chose it, so it can be anything. */
function shownName(name: string, secret: boolean): string {
  return secret || name.length > SHOWN_LENGTH || mayBeSecret(name) ? `(a name of ${name.length} characters)` : name;
}

function unknownFields(
  schema: z.core.$ZodType,
  issue: z.core.$ZodIssueUnrecognizedKeys,
  secret: boolean,
): InputIssue[] {
  const known = fieldsAt(schema, issue.path);
  // Each suggestion compares the name with every known field, so the number of names is bounded first.
  return issue.keys.slice(0, MAX_ISSUES).map((name, index) => {
    const meant = index < MAX_SUGGESTIONS ? didYouMean(name, known) : '';
    // A name that is close to a known one is a typing error, and safe to quote.
    const path = [...issue.path.map(String), shownName(name, secret && meant === '')].join('.');
    const accepted = known.length > 0 ? `Accepted: ${listNames(known)}.` : '';
    return { path, message: `There is no such field. ${meant}${accepted}`.trim() };
  });
}

function translate(schema: z.core.$ZodType, issue: z.core.$ZodIssue, allSecret: boolean): InputIssue[] {
  if (issue.code === 'unrecognized_keys') return unknownFields(schema, issue, allSecret);
  const secret = allSecret || issue.path.some((step) => SECRET_FIELDS.has(String(step)));
  const isDefault = issue.code === 'invalid_type' && issue.message === OBJECT_MESSAGE;
  const fields = isDefault ? fieldsAt(schema, issue.path) : [];
  const accepted = fields.length === 0 ? issue.message : `Expected an object; its fields are ${listNames(fields)}.`;
  const message = `${accepted} Received ${describeValue(issue.input, secret)}.`;
  return [{ path: issue.path.map(String).join('.'), message }];
}

function summarise(what: string, issues: readonly InputIssue[]): string {
  const shown = issues.slice(0, SHOWN_ISSUES).map(({ path, message }) => (path ? `\`${path}\`: ${message}` : message));
  const more = issues.length - shown.length;
  return `${what}: ${shown.join(' ')}${more > 0 ? ` And ${more} more.` : ''}`;
}

/** Creates the error for one or more issues of an input. `what` names the function that received it. */
export function inputError(
  what: string,
  issues: readonly InputIssue[],
  code: Extract<ErrorCode, 'invalid_request' | 'invalid_options' | 'immutable_field'> = 'invalid_request',
): KeyscopeError {
  return new KeyscopeError(code, summarise(what, issues), { issues });
}

/**
 * Parses a value. Reports every issue at once, each with what is accepted and what was received.
 *
 * @param what Function or document that received the value, e.g. `keys.create`.
 * @param secret Never quote received values: for inputs that contain a secret, which can be in the wrong field.
 * @throws {KeyscopeError} `code` (default `invalid_request`) with `issues`.
 */
export function parseInput<S extends z.ZodType>(
  schema: S,
  value: unknown,
  what: string,
  code: 'invalid_request' | 'invalid_options' = 'invalid_request',
  secret = false,
): z.output<S> {
  const members = isPlainObject(value) ? boundFields(value) : value;
  const result = schema.safeParse(ownMembers(members), { error: acceptedMessage, reportInput: true });
  if (result.success) {
    if (members !== value) throw inputError(what, [{ path: '', message: TOO_MANY_FIELDS }], code);
    return ownMembers(result.data);
  }
  const issues: InputIssue[] = [];
  for (const issue of result.error.issues) {
    if (issues.length >= MAX_ISSUES) break;
    issues.push(...translate(schema, issue, secret));
  }
  throw inputError(what, issues.slice(0, MAX_ISSUES), code);
}

/**
 * Rejects a request in the place of an argument: `app.get('/', apiKeys.redactResponse)` without parentheses, for which Express
 * calls the factory itself.
 *
 * @throws {KeyscopeError} `invalid_options`
 */
export function rejectRequest(value: unknown, what: string): void {
  if (typeof value !== 'object' || value === null || !('headers' in value)) return;
  const message = `Pass the middleware that ${what}() returns, not ${what} itself.`;
  throw inputError(what, [{ path: '', message }], 'invalid_options');
}
