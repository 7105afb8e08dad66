import { types } from 'node:util';
import type { z } from 'zod';
import { didYouMean, listNames } from './did-you-mean';
import { type ErrorCode, type InputIssue, KeyscopeError } from './errors';

/** What must not be repeated in a message, however wrong it is. */
const SECRET_FIELDS = new Set(['pepper', 'token', 'sha256', 'secret', 'digest', 'password']);
/** A run that long is hardly a name and may well be a secret that went into the wrong field. */
const SECRET_LIKE = /[0-9A-Za-z]{20}/;
const SHOWN_LENGTH = 40;
/** Characters up to which a string is searched for something that looks like a secret. */
const MAX_SEARCHED = 1000;
const SHOWN_ISSUES = 5;
/** A list of a million wrong entries is one mistake, not a million. */
const MAX_ISSUES = 50;

/** Addresses have passwords in them. Not by one pattern, which would be slow on a text that is nothing but colons. */
function isAddress(text: string): boolean {
  const colon = text.indexOf(':');
  return colon !== -1 && (text.includes('://') || text.lastIndexOf('@') > colon);
}

function mayBeSecret(text: string): boolean {
  // Longer strings are never quoted, so there is no need to search megabytes.
  if (text.length > MAX_SEARCHED) return true;
  return SECRET_LIKE.test(text) || isAddress(text);
}

/** What was given, in words that are safe to log and to send: text is cut, what may be a secret is only measured. */
export function describeValue(value: unknown, secret = false): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    if (value === '') return 'an empty text';
    if (secret || mayBeSecret(value)) return `a text of ${value.length} characters`;
    return JSON.stringify(value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH)}…` : value);
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (secret) return types.isDate(value) ? 'a Date' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString();
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  return typeof value === 'object' ? 'an object' : String(value);
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  date: 'a Date',
};

function plural(count: number | bigint, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function bound(issue: { origin: string; inclusive?: boolean }, limit: number | bigint, end: 'least' | 'most'): string {
  if (issue.origin === 'string') return `Give text of at ${end} ${plural(limit, 'character')}.`;
  if (issue.origin === 'array') return `Give a list of at ${end} ${limit === 1 ? '1 entry' : `${limit} entries`}.`;
  if (issue.inclusive === false) return `Give ${end === 'least' ? 'more' : 'less'} than ${limit}.`;
  return `Give at ${end} ${limit}.`;
}

/**
 * What was written in an object itself: zod reads what all objects inherit as well, and options such as `optional: true` must
 * not come from a prototype that somebody has polluted.
 */
function ownMembers<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.assign(Object.create(null) as object, value) as T;
}

type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

/** What is accepted, for the rules that bring no sentence of their own. */
function acceptedMessage(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `Give ${KINDS[issue.expected] ?? issue.expected}.`;
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

/** The fields that the object at a path takes, looked up in the schema: zod only reports the ones it does not know. */
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

/** A field's name as given, which may be anything. */
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
  return issue.keys.slice(0, MAX_ISSUES).map((name) => {
    const meant = didYouMean(name, known);
    // What is nearly a field's name is a slip of the pen, whatever else may stand there.
    const path = [...issue.path.map(String), shownName(name, secret && meant === '')].join('.');
    const accepted = known.length > 0 ? `Accepted: ${listNames(known)}.` : '';
    return { path, message: `There is no such field. ${meant}${accepted}`.trim() };
  });
}

function translate(schema: z.core.$ZodType, issue: z.core.$ZodIssue, allSecret: boolean): InputIssue[] {
  if (issue.code === 'unrecognized_keys') return unknownFields(schema, issue, allSecret);
  const secret = allSecret || issue.path.some((step) => SECRET_FIELDS.has(String(step)));
  const message = `${issue.message} Received ${describeValue(issue.input, secret)}.`;
  return [{ path: issue.path.map(String).join('.'), message }];
}

function summarise(what: string, issues: readonly InputIssue[]): string {
  const shown = issues.slice(0, SHOWN_ISSUES).map(({ path, message }) => (path ? `\`${path}\`: ${message}` : message));
  const more = issues.length - shown.length;
  return `${what}: ${shown.join(' ')}${more > 0 ? ` And ${more} more.` : ''}`;
}

/** An error for one or more things that were wrong with an input. */
export function inputError(
  what: string,
  issues: readonly InputIssue[],
  code: Extract<ErrorCode, 'invalid_request' | 'invalid_options' | 'immutable_field'> = 'invalid_request',
): KeyscopeError {
  return new KeyscopeError(code, summarise(what, issues), { issues });
}

/**
 * What a schema makes of a value; every problem is reported at once, as sentences that say what is accepted and what was
 * given. `what` names the function or the document that received it, e.g. `keys.create`. With `secret`, what was given is
 * only measured, wherever it stands: for inputs that hold a secret, which may have got into any of their fields.
 *
 * @throws {KeyscopeError} with `code` (default `invalid_request`) and `issues`.
 */
export function parseInput<S extends z.ZodType>(
  schema: S,
  value: unknown,
  what: string,
  code: 'invalid_request' | 'invalid_options' = 'invalid_request',
  secret = false,
): z.output<S> {
  const result = schema.safeParse(ownMembers(value), { error: acceptedMessage, reportInput: true });
  if (result.success) return ownMembers(result.data);
  const issues: InputIssue[] = [];
  for (const issue of result.error.issues) {
    if (issues.length >= MAX_ISSUES) break;
    issues.push(...translate(schema, issue, secret));
  }
  throw inputError(what, issues.slice(0, MAX_ISSUES), code);
}
