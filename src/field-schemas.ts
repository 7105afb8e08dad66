import { z } from 'zod';

/** Workspace of single-tenant apps. */
export const DEFAULT_WORKSPACE = 'default';

const MAX_ID_LENGTH = 128;
const MAX_AUDIT_TEXT_LENGTH = 200;
const MAX_CURSOR_LENGTH = 16_384;
const MAX_LIMIT = 200;
const DEFAULT_LIMIT = 50;
/** Invalid entries of one array after which the rest is not checked, because the input is rejected anyway. */
const MAX_WRONG_ENTRIES = 50;

/** Control characters, line separators, and halves of surrogate pairs, which UTF-8 (hence Redis) cannot hold. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** Length in code points, so that most emojis count as one. */
function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Whether a string is visible, of bounded length, and contains nothing that breaks lines, logs or encodings. */
export function isPlainText(text: string, maximum: number): boolean {
  // UTF-16 length first, because counting megabytes would be expensive.
  return (
    text.length <= maximum * 2 && countCharacters(text) <= maximum && VISIBLE.test(text) && !UNPRINTABLE.test(text)
  );
}

/**
 * Form of a token with any prefix. Lengths are repeated here, because this module may not import `token/`. The lookahead
 * avoids matching longer ids that consist of hashes.
 */
const TOKEN_FORM = /[0-9A-Za-z]_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}(?![0-9A-Za-z])/;
const TOKEN_LIKE_MESSAGE = 'This looks like a token, and would be stored and shown. Use another value.';

/** Whether a string contains the form of a token: for fields that are stored and shown. */
export function mayContainToken(text: string): boolean {
  return TOKEN_FORM.test(text);
}

/** The issue of a string that contains the form of a token, or null. */
export function tokenLikeTextMessage(text: string): string | null {
  return mayContainToken(text) ? TOKEN_LIKE_MESSAGE : null;
}

/** Longer strings are rejected by their length. */
const containsNoToken = (text: string) => text.length > 2 * MAX_AUDIT_TEXT_LENGTH || !mayContainToken(text);

/** Whether a value can be the id of a workspace, agent or project. Ids are compared exactly, so a space at an end is a mistake. */
function isExternalId(value: unknown): value is string {
  return typeof value === 'string' && isPlainText(value, MAX_ID_LENGTH) && value.trim() === value;
}

const ID_MESSAGE = `Expected a string of 1–${MAX_ID_LENGTH} characters, without control characters and without a space at either end.`;
export const externalId = z
  .string(ID_MESSAGE)
  .refine(isExternalId, ID_MESSAGE)
  .refine(containsNoToken, TOKEN_LIKE_MESSAGE);

const AUDIT_TEXT_MESSAGE = `Expected a string of 1–${MAX_AUDIT_TEXT_LENGTH} characters without control characters, or null.`;
/** `actor` and `source` of a change: free text for the audit log. */
export const auditText = z
  .string(AUDIT_TEXT_MESSAGE)
  .refine((text) => isPlainText(text, MAX_AUDIT_TEXT_LENGTH), AUDIT_TEXT_MESSAGE)
  .refine(containsNoToken, TOKEN_LIKE_MESSAGE)
  .nullable()
  .optional();

const LIMIT_MESSAGE = `Expected an integer from 1 to ${MAX_LIMIT}.`;
export const limit = z
  .int(LIMIT_MESSAGE)
  .min(1, LIMIT_MESSAGE)
  .max(MAX_LIMIT, LIMIT_MESSAGE)
  .default(DEFAULT_LIMIT)
  .meta({ description: 'Maximum number of entries.' });

const CURSOR_MESSAGE = 'Expected the `cursor` of an earlier page. Leave it out to begin at the start.';
export const cursor = z
  .string(CURSOR_MESSAGE)
  .max(MAX_CURSOR_LENGTH, CURSOR_MESSAGE)
  .optional()
  .meta({ description: '`cursor` of the previous page, with the same other parameters.' });

const WORKSPACE_MESSAGE = `${ID_MESSAGE} To name no workspace, leave the field out instead of passing undefined.`;
/**
 * Workspace in the last argument of a call. Undefined is rejected: `get(id, { workspaceId: user.workspaceId })` must not
 * reach the keys of every workspace if `user` has none.
 */
export const contextWorkspace = z
  .string(WORKSPACE_MESSAGE)
  .refine(isExternalId, WORKSPACE_MESSAGE)
  .refine(containsNoToken, TOKEN_LIKE_MESSAGE)
  .exactOptional();

/** Rules for an array of distinct strings. */
export interface ListRule {
  /** Sentence that says what is accepted. */
  readonly message: string;
  readonly minimum: number;
  readonly maximum: number;
  /** Sentence with the issue of an entry, or null. `wrong`: how many entries before it have one. */
  entryMessage(entry: unknown, wrong: number): string | null;
}

type Context = z.core.$RefinementCtx<unknown>;

function readList(rule: ListRule, value: unknown, context: Context): readonly string[] {
  if (!Array.isArray(value) || value.length < rule.minimum || value.length > rule.maximum) {
    context.addIssue({ code: 'custom', message: rule.message, input: value });
    return z.NEVER;
  }
  const seen = new Set<unknown>();
  let wrong = 0;
  // By index, because holes of sparse arrays count as entries, and a subclass can replace the iterator.
  for (let index = 0; index < value.length; index++) {
    const entry: unknown = value[index];
    const message = seen.has(entry) ? 'Expected each entry once.' : rule.entryMessage(entry, wrong);
    if (message !== null) {
      context.addIssue({ code: 'custom', message, path: [index], input: entry });
      // Building a message can compare an entry with every accepted name.
      if (++wrong >= MAX_WRONG_ENTRIES) return z.NEVER;
    }
    seen.add(entry);
  }
  return Array.from(seen) as string[];
}

/** Schema of an array of distinct strings. */
export function distinctList(rule: ListRule) {
  return z.unknown().transform((value, context) => readList(rule, value, context));
}

/** Schema of `'all'` or an array of distinct strings. In an array, `'all'` is rejected: it would be the id of one thing. */
export function allOrList(rule: ListRule) {
  const strict: ListRule = {
    ...rule,
    entryMessage: (entry, wrong) =>
      entry === 'all' ? "Expected 'all' by itself instead of in an array." : rule.entryMessage(entry, wrong),
  };
  return z
    .unknown()
    .transform((value, context): 'all' | readonly string[] =>
      value === 'all' ? 'all' : readList(strict, value, context),
    );
}

/** The issue of an agent id, or null. */
export function externalIdMessage(entry: unknown): string | null {
  return isExternalId(entry) ? tokenLikeTextMessage(entry) : ID_MESSAGE;
}
