import { z } from 'zod';
import { didYouMean, listNames, MAX_SUGGESTIONS } from '../did-you-mean';
import {
  allOrList,
  auditText,
  contextWorkspace,
  cursor,
  DEFAULT_WORKSPACE,
  distinctList,
  externalId,
  externalIdMessage,
  isPlainText,
  limit,
  mayContainToken,
} from '../field-schemas';
import { KEY_SORTS } from '../store/records';
import { isImportedToken, readFingerprint } from '../token/imported-token';
import { boundFields, inputError, parseInput } from '../validate-input';
import { columnSchemas, newColumnSchemas } from './column-schemas';
import { filterFields } from './filter-schemas';
import { expiryFields, overlap } from './time-schemas';

const MAX_NAME_LENGTH = 100;
const MAX_AGENTS = 1_000;
/** More than any app declares, so that unknown and repeated names are reported one by one. */
const MAX_PERMISSIONS = 1_000;

const NAME_MESSAGE = `Expected a name of 1–${MAX_NAME_LENGTH} characters without control characters.`;
const name = z
  .string(NAME_MESSAGE)
  .transform((text) => text.trim())
  .refine((text) => isPlainText(text, MAX_NAME_LENGTH), NAME_MESSAGE)
  .refine(
    // A longer one is rejected by its length.
    (text) => text.length > 2 * MAX_NAME_LENGTH || !mayContainToken(text),
    'This looks like a token, and names are stored and shown. Use another name.',
  )
  .meta({ minLength: 1, maxLength: MAX_NAME_LENGTH });

const agents = allOrList({
  message: `Expected 'all', or an array of 1–${MAX_AGENTS} agent ids. An empty array would be a key for nothing; it never means "all".`,
  minimum: 1,
  maximum: MAX_AGENTS,
  entryMessage: externalIdMessage,
}).meta({
  anyOf: [
    { type: 'string', const: 'all' },
    { type: 'array', items: { type: 'string', minLength: 1, maxLength: 128 }, minItems: 1, maxItems: MAX_AGENTS },
  ],
  description: '`all`, or the agents that the key covers. Fixed at creation.',
});

function permissionList(declared: readonly string[]) {
  const known = new Set<unknown>(declared);
  return distinctList({
    message: `Expected an array with at least one of: ${listNames(declared)}.`,
    minimum: 1,
    maximum: MAX_PERMISSIONS,
    entryMessage(entry, wrong) {
      if (known.has(entry)) return null;
      const meant = wrong < MAX_SUGGESTIONS ? didYouMean(entry, declared) : '';
      return `There is no such permission. ${meant}Accepted: ${listNames(declared)}.`;
    },
  }).meta({ type: 'array', items: { type: 'string', enum: declared }, minItems: 1, uniqueItems: true });
}

function countGiven(input: unknown, names: readonly string[]): number {
  return names.filter((field) => (input as Record<string, unknown> | null | undefined)?.[field] !== undefined).length;
}

const NOT_BOTH = {
  path: ['expiresIn'],
  message: 'Give either `expiresAt` or `expiresIn`, not both.',
  // Also if there are other issues: all of them are reported at once.
  when: () => true,
};
const notBoth = (input: unknown) => countGiven(input, ['expiresAt', 'expiresIn']) < 2;

const TOKEN_MESSAGE = 'Expected the string that callers send: 8–512 visible ASCII characters without spaces.';
const SHA256_MESSAGE =
  'Expected the SHA-256 of the token: 64 hexadecimal digits, or base64 or base64url of the 32 bytes.';
const importedToken = z.string(TOKEN_MESSAGE).refine(isImportedToken, TOKEN_MESSAGE);
const fingerprint = z.string(SHA256_MESSAGE).transform((text, context) => {
  const read = readFingerprint(text);
  if (read !== null) return read;
  context.addIssue({ code: 'custom', message: SHA256_MESSAGE, input: text });
  return z.NEVER;
});

const ONE_OF_BOTH = {
  path: ['token'],
  message: 'Give either `token` or `sha256`, its SHA-256.',
  when: () => true,
};
const oneOfBoth = (input: unknown) => countGiven(input, ['token', 'sha256']) === 1;

const FIXED_AGENTS_MESSAGE = 'The agents of a key are fixed at its creation. Create another key for other agents.';
const FIXED_EXPIRY_MESSAGE =
  'The expiry of a key is fixed at its creation. Rotate the key for a later one; disable or delete the key to end it sooner.';
const FIXED_MESSAGE = 'This is fixed at the creation of a key.';
const OWN_MESSAGE = 'keyscope sets this field.';
const IMMUTABLE_FIELD_MESSAGES: ReadonlyMap<string, string> = new Map([
  ['agents', FIXED_AGENTS_MESSAGE],
  ['expiresAt', FIXED_EXPIRY_MESSAGE],
  ['expiresIn', FIXED_EXPIRY_MESSAGE],
  ['workspaceId', `${FIXED_MESSAGE} Create another key in the other workspace.`],
  ['id', FIXED_MESSAGE],
  ['createdAt', FIXED_MESSAGE],
  ['createdBy', FIXED_MESSAGE],
  ['prefix', FIXED_MESSAGE],
  ['environment', `${FIXED_MESSAGE} Create another key with an app of the other environment.`],
  ['token', `${FIXED_MESSAGE} Rotate the key for a new one.`],
  ['masked', OWN_MESSAGE],
  ['updatedAt', OWN_MESSAGE],
  [
    'revision',
    `${OWN_MESSAGE} As a precondition, pass it in the context as \`{ revision }\`, or over HTTP as \`If-Match\`.`,
  ],
  ['rotatedFrom', OWN_MESSAGE],
  ['rotatedTo', OWN_MESSAGE],
]);

/**
 * Rejects changes of immutable fields, with a code of its own and what to do instead.
 *
 * @throws {KeyscopeError} `immutable_field`
 */
export function refuseImmutable(changes: unknown): void {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) return;
  const given = changes as Record<string, unknown>;
  const issues = [...IMMUTABLE_FIELD_MESSAGES].flatMap(([path, message]) =>
    Object.hasOwn(given, path) && given[path] !== undefined ? [{ path, message }] : [],
  );
  if (issues.length > 0) throw inputError('keys.update', issues, 'immutable_field');
}

/** Removes undefined fields, which mean absent, and rejects an empty change. */
function changeable(changes: unknown, names: string): unknown {
  refuseImmutable(changes);
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) return changes;
  const given = Object.entries(boundFields(changes)).filter(([, value]) => value !== undefined);
  if (given.length === 0) {
    const message = `Expected at least one of: ${names}.`;
    throw inputError('keys.update', [{ path: '', message }]);
  }
  return Object.fromEntries(given);
}

const contextSchema = z.strictObject({ workspaceId: contextWorkspace });
const mutationContextSchema = contextSchema.extend({
  actor: auditText,
  source: auditText,
  revision: z.int('Expected the `revision` of the key that was read.').min(1).optional(),
});

const IDEMPOTENCY_MESSAGE = 'Expected 1–255 visible ASCII characters, such as a new UUID.';
const importContextSchema = mutationContextSchema.omit({ revision: true });
const creationContextSchema = importContextSchema.extend({
  idempotencyKey: z
    .string(IDEMPOTENCY_MESSAGE)
    .regex(/^[!-~]{1,255}$/, IDEMPOTENCY_MESSAGE)
    .optional(),
});

export const listInputSchema = z.strictObject({
  workspaceId: externalId.default(DEFAULT_WORKSPACE),
  q: z
    .string()
    .max(MAX_NAME_LENGTH)
    .default('')
    .meta({ description: 'Part of the name or id, in any case, or a masked token.' }),
  sort: z.enum(KEY_SORTS).default('created'),
  order: z
    .enum(['asc', 'desc'])
    .optional()
    .meta({ description: 'Default: newest first, names from A, earliest expiry first.' }),
  ...filterFields,
  limit,
  cursor,
});

const NO_CONDITION_MESSAGE = 'Expected at least one condition, or only `all: true` for every key of the workspace.';
const LIMIT_MESSAGE = 'Expected a whole number, at least 1.';

/** Fields that select the keys of a bulk change. */
export const selectionFields = {
  all: z.literal(true).optional().meta({ description: 'Every key of the workspace. Not with another condition.' }),
  q: listInputSchema.shape.q.unwrap().optional(),
  ...filterFields,
};
const selectionSchema = z.strictObject(selectionFields).refine(
  ({ all, ...conditions }) => {
    const isConditional = Object.values(conditions).some((value) => value !== undefined && value !== '');
    return isConditional !== (all === true);
  },
  { message: NO_CONDITION_MESSAGE },
);

export const bulkOptionFields = {
  dryRun: z.boolean().default(false).meta({ description: 'Counts the keys, and changes none.' }),
  limit: z.int(LIMIT_MESSAGE).min(1, LIMIT_MESSAGE).default(Number.MAX_SAFE_INTEGER),
  cursor,
};
const bulkOptionsSchema = importContextSchema.extend(bulkOptionFields);

/** Settings that the inputs of keys depend on. Code that validates or describes inputs receives all of them. */
export interface KeyInputSettings {
  /** The declared permissions. */
  readonly permissions: readonly string[];
  /** Whether a key can be created that never expires. Default false. */
  readonly keysWithoutExpiry?: boolean;
}

/** Schemas of the inputs that create, update and rotate keys. `now` decides which expiry is in the future. */
export function createKeySchemas({ permissions, keysWithoutExpiry = false }: KeyInputSettings, now: () => number) {
  const permissionsField = permissionList(permissions);
  const expiry = expiryFields(now, keysWithoutExpiry);
  return {
    create: z.strictObject({
      workspaceId: externalId.optional(),
      name,
      agents: agents.exactOptional(),
      permissions: permissionsField,
      ...newColumnSchemas,
      createdBy: auditText,
      ...expiry,
    }),
    update: z.strictObject({
      name: name.optional(),
      permissions: permissionsField.optional(),
      disabled: z.boolean().optional(),
      ...z.object(columnSchemas).partial().shape,
    }),
    rotate: z.strictObject({ overlap, ...expiry }),
  };
}

/** Fields of `keys.ensure` in addition to those of `keys.create`. */
export const ENSURE_FIELDS = {
  token: importedToken.meta({ minLength: 8, maxLength: 512, description: 'The string that callers send.' }),
  disabled: z.boolean().optional(),
};

/** Creates the parsers of all inputs of the key service. Each throws `invalid_request` with all issues. */
export function createKeyInputs(settings: KeyInputSettings, now: () => number) {
  const schemas = createKeySchemas(settings, now);
  const changeableNames = Object.keys(schemas.update.shape).join(', ');
  const createSchema = schemas.create.refine(notBoth, NOT_BOTH);
  const importSchema = schemas.create
    .extend({
      agents,
      token: importedToken.optional(),
      sha256: fingerprint.optional(),
      disabled: z.boolean().default(false),
    })
    .refine(notBoth, NOT_BOTH)
    .refine(oneOfBoth, ONE_OF_BOTH);
  const ensureSchema = schemas.create.extend(ENSURE_FIELDS).refine(notBoth, NOT_BOTH);
  const rotateSchema = schemas.rotate.refine(notBoth, NOT_BOTH);

  // An imported token has no form, so that one in the wrong field could not be told from a name.
  function readImport<S extends z.ZodType>(schema: S, input: unknown, what = 'keys.import'): z.output<S> {
    return parseInput(schema, input, what, 'invalid_request', true);
  }

  return {
    create: (input: unknown) => parseInput(createSchema, input, 'keys.create'),
    import: (input: unknown) => readImport(importSchema, input),
    ensure: (input: unknown) => readImport(ensureSchema, input, 'keys.ensure'),
    ensureContext: (context: unknown) => readImport(importContextSchema, context ?? {}, 'keys.ensure'),
    update: (changes: unknown) => parseInput(schemas.update, changeable(changes, changeableNames), 'keys.update'),
    rotate: (input: unknown) => parseInput(rotateSchema, input, 'keys.rotate'),
    list: (input: unknown) => parseInput(listInputSchema, input ?? {}, 'keys.list'),
    bulkFilter: (filter: unknown, what: string) => parseInput(selectionSchema, filter, what),
    bulkOptions: (options: unknown, what: string) => parseInput(bulkOptionsSchema, options ?? {}, what),
    context: (context: unknown, what: string) => parseInput(contextSchema, context ?? {}, what),
    creationContext: (context: unknown) => parseInput(creationContextSchema, context ?? {}, 'keys.create'),
    importContext: (context: unknown) => readImport(importContextSchema, context ?? {}),
    mutationContext: (context: unknown, what: string) => parseInput(mutationContextSchema, context ?? {}, what),
  };
}

export type KeyInputs = ReturnType<typeof createKeyInputs>;
