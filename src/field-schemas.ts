import { z } from 'zod';

/** The workspace of apps that have only one. */
export const DEFAULT_WORKSPACE = 'default';

const MAX_ID_LENGTH = 128;
const MAX_AUDIT_TEXT_LENGTH = 200;
const MAX_CURSOR_LENGTH = 16_384;
const MAX_LIMIT = 200;
const DEFAULT_LIMIT = 50;
/** Invalid entries of one list after which the rest is not checked: the input is rejected anyway. */
const MAX_WRONG_ENTRIES = 50;

/** Control characters, line separators, and halves of surrogate pairs, which UTF-8 (hence Redis) cannot hold. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** The length in characters as people count them, more or less: an emoji of one code point is one. */
function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Whether text of a bounded length shows something and holds nothing that breaks lines, logs or encodings. */
export function isPlainText(text: string, maximum: number): boolean {
  // The units first: counting a text of megabytes to learn that it is too long would be a gift to whoever sends it.
  return (
    text.length <= maximum * 2 && countCharacters(text) <= maximum && VISIBLE.test(text) && !UNPRINTABLE.test(text)
  );
}

/**
 * The form of the tokens that are made here, whatever their prefix. By its lengths, as the ground floor knows no rooms. The
 * ends count: ids that are put together of hashes may be as long.
 */
const TOKEN_FORM = /[0-9A-Za-z]_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}(?![0-9A-Za-z])/;
const TOKEN_LIKE_MESSAGE = 'This looks like a token, and would be stored and shown. Give something else.';

/** Whether a token of our own form stands in a text: for fields whose text is stored and shown. */
export function mayContainToken(text: string): boolean {
  return TOKEN_FORM.test(text);
}

/** What is wrong with a text that is fine otherwise; null where nothing is. */
export function tokenLikeTextMessage(text: string): string | null {
  return mayContainToken(text) ? TOKEN_LIKE_MESSAGE : null;
}

const containsNoToken = (text: string) => !mayContainToken(text);

/** An id from outside: of a workspace, an agent, a project. Compared byte by byte, so a space at its end is a mistake. */
export function isExternalId(value: unknown): value is string {
  return typeof value === 'string' && isPlainText(value, MAX_ID_LENGTH) && value.trim() === value;
}

const ID_MESSAGE = `Give 1–${MAX_ID_LENGTH} characters, no control characters, no space at either end.`;
export const externalId = z
  .string(ID_MESSAGE)
  .refine(isExternalId, ID_MESSAGE)
  .refine(containsNoToken, TOKEN_LIKE_MESSAGE);

const AUDIT_TEXT_MESSAGE = `Give 1–${MAX_AUDIT_TEXT_LENGTH} characters, no control characters; or null.`;
/** Who did something, and from where: free text for the audit trail. */
export const auditText = z
  .string(AUDIT_TEXT_MESSAGE)
  .refine((text) => isPlainText(text, MAX_AUDIT_TEXT_LENGTH), AUDIT_TEXT_MESSAGE)
  .refine(containsNoToken, TOKEN_LIKE_MESSAGE)
  .nullable()
  .optional();

const LIMIT_MESSAGE = `Give a whole number from 1 to ${MAX_LIMIT}.`;
export const limit = z.int(LIMIT_MESSAGE).min(1, LIMIT_MESSAGE).max(MAX_LIMIT, LIMIT_MESSAGE).default(DEFAULT_LIMIT);

const CURSOR_MESSAGE = 'Give the `cursor` of an earlier page, or leave it out to begin at the start.';
export const cursor = z.string(CURSOR_MESSAGE).max(MAX_CURSOR_LENGTH, CURSOR_MESSAGE).optional();

const WORKSPACE_MESSAGE = `${ID_MESSAGE} Leave the field out, rather than undefined, to name no workspace.`;
/**
 * The workspace in the last argument of a call. Undefined is refused there: `get(id, { workspaceId: user.workspaceId })`
 * must not reach every workspace's keys because `user` happens to have none.
 */
export const contextWorkspace = z
  .string(WORKSPACE_MESSAGE)
  .refine(isExternalId, WORKSPACE_MESSAGE)
  .refine(containsNoToken, TOKEN_LIKE_MESSAGE)
  .exactOptional();

/** What a list of distinct texts must keep to. */
export interface ListRule {
  /** What is accepted, as a sentence. */
  readonly message: string;
  readonly minimum: number;
  readonly maximum: number;
  /** What is wrong with an entry, as a sentence; null where nothing is. */
  entryMessage(entry: unknown): string | null;
}

type Context = z.core.$RefinementCtx<unknown>;

function readList(rule: ListRule, value: unknown, context: Context): readonly string[] {
  if (!Array.isArray(value) || value.length < rule.minimum || value.length > rule.maximum) {
    context.addIssue({ code: 'custom', message: rule.message, input: value });
    return z.NEVER;
  }
  const seen = new Set<unknown>();
  let wrong = 0;
  // An index, because a sparse array's holes are entries too, and iterators of a subclass are not to be trusted.
  for (let index = 0; index < value.length; index++) {
    const entry: unknown = value[index];
    const message = seen.has(entry) ? 'Give each entry once.' : rule.entryMessage(entry);
    if (message !== null) {
      context.addIssue({ code: 'custom', message, path: [index], input: entry });
      // Building a message can compare an entry with every accepted name.
      if (++wrong >= MAX_WRONG_ENTRIES) return z.NEVER;
    }
    seen.add(entry);
  }
  return Array.from(seen) as string[];
}

/** A list of distinct texts. */
export function distinctList(rule: ListRule) {
  return z.unknown().transform((value, context) => readList(rule, value, context));
}

/** `'all'`, or a list of distinct texts. In a list, `'all'` is refused: it would mean something of that name. */
export function allOrList(rule: ListRule) {
  const strict: ListRule = {
    ...rule,
    entryMessage: (entry) =>
      entry === 'all' ? "Give 'all' by itself, not in a list, to mean every one." : rule.entryMessage(entry),
  };
  return z
    .unknown()
    .transform((value, context): 'all' | readonly string[] =>
      value === 'all' ? 'all' : readList(strict, value, context),
    );
}

/** What is wrong with the id of an agent, where something is. */
export function externalIdMessage(entry: unknown): string | null {
  return isExternalId(entry) ? tokenLikeTextMessage(entry) : ID_MESSAGE;
}
