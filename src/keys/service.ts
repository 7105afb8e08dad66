import { type Clock, LAST_TIME } from '../clock';
import { KeyscopeError } from '../errors';
import { DEFAULT_WORKSPACE } from '../field-schemas';
import { NO_METADATA } from '../store/column-codecs';
import { foldName } from '../store/index-position';
import { carriedFields } from '../store/key-fields';
import { keyNotFound } from '../store/key-not-found';
import type { KeyRecord } from '../store/records';
import type { ChangeOrigin, MutationResult, Precondition, Store } from '../store/store';
import type { TokenHasher } from '../token/digest';
import { prefixOf } from '../token/environment';
import { isKeyId, LAST_LENGTH } from '../token/format';
import { createIdGenerator, deriveId, generateToken } from '../token/generate';
import { inputError } from '../validate-input';
import { createChangeAll } from './change-all';
import { createEnsureKey } from './ensure-key';
import { createAliasLinks, createReadImportedToken, deriveImportedKeyId, importedBefore } from './imported-keys';
import { createKeyInputs, type KeyInputSettings } from './input-schemas';
import { readKeyCursor, writeKeyCursor } from './list-cursor';
import { countMatching, filterOf } from './list-filter';
import { lifetimeOf, newExpiry } from './time';
import { type KeyMutationContext, type KeyService, toApiKey } from './types';

export interface KeyServiceDeps extends KeyInputSettings {
  readonly store: Store;
  readonly clock: Clock;
  /** Prefix of tokens, without the environment. */
  readonly prefix: string;
  /** Default: none. */
  readonly environment?: string | null;
  readonly keysWithoutEnvironment?: boolean;
  readonly hasher: TokenHasher;
  /** Milliseconds. */
  readonly defaultLifetime: number;
  /** Whether imported tokens are accepted. Default false: then none is imported. */
  readonly importedTokens?: boolean;
  /** For tests. Default: `generateToken`. */
  readonly generate?: typeof generateToken;
}

/** The columns of a new key that are the same for all. */
const NEW_RECORD = {
  environment: null,
  disabled: false,
  allowedIps: [],
  owner: null,
  contact: null,
  metadata: NO_METADATA,
  revoked: false,
  rotatedTo: null,
  exposure: null,
  alias: null,
} satisfies Partial<KeyRecord>;

/** Attempts if the key changes between read and write. */
const MAX_ATTEMPTS = 8;

/** Null if the id of the successor is taken: then another one is generated. */
function idTaken(error: unknown): null {
  if (error instanceof KeyscopeError && error.code === 'conflict') return null;
  throw error;
}

/** A rotation must not bring back a key that no longer works: its holder would get a working one. */
function checkRotatable(key: KeyRecord, at: number): void {
  if (key.rotatedTo !== null) {
    throw new KeyscopeError(
      'conflict',
      `The key was rotated before, and replaced by ${key.rotatedTo}. Rotate that one, or create a key.`,
    );
  }
  if (key.disabled) {
    throw new KeyscopeError('conflict', 'The key is disabled. Enable it and rotate it then, or create a key.');
  }
  if (!(at < key.expiresAt)) throw new KeyscopeError('conflict', 'The key has expired. Create a key instead.');
}

const createdBefore = (id: string) =>
  `The key ${id} was created with this idempotency key before, and its token is not shown again. Use another idempotency key for another key. If the token was lost, rotate or delete that key.`;
const NOT_ENABLED_MESSAGE =
  'keys.import: this app denies imported tokens. Pass `importedTokens: true` to createApiKeys.';
const CHANGED_MESSAGE = 'The key has changed since the given revision. Read it again and retry.';

export function createKeyService<Permission extends string = string>(deps: KeyServiceDeps): KeyService<Permission> {
  const { store, clock, prefix, hasher, defaultLifetime, importedTokens = false, generate = generateToken } = deps;
  const { environment = null, keysWithoutEnvironment = false } = deps;
  // Whole milliseconds, because they are part of indexes.
  const now = () => Math.floor(clock.wall());
  const inputs = createKeyInputs(deps, now);
  const readImportedToken = createReadImportedToken(prefix, { environment, keysWithoutEnvironment });
  const links = createAliasLinks(store);
  const newId = createIdGenerator();

  function newRecord(
    fields: Omit<KeyRecord, keyof typeof NEW_RECORD | 'createdAt' | 'updatedAt' | 'revision'> &
      Partial<Pick<KeyRecord, keyof typeof NEW_RECORD>>,
    createdAt: number,
    canReturn = false,
  ): KeyRecord {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    // An id that can return after a deletion: a change that was decided by the deleted key must not meet this one.
    const times = { createdAt, updatedAt: createdAt, revision: canReturn ? createdAt : 1 };
    return { ...NEW_RECORD, ...(Object.fromEntries(given) as typeof fields), ...times };
  }

  function makeKey(
    fields: Omit<Parameters<typeof newRecord>[0], 'id' | 'digest' | 'last4' | 'prefix' | 'rotatedFrom'>,
    createdAt: number,
    rotatedFrom: string | null,
    givenId?: string,
  ): { record: KeyRecord; token: string } {
    const tokenPrefix = prefixOf(prefix, fields.environment ?? null);
    const id = givenId ?? newId(fields.workspaceId, createdAt);
    const { token, ...ends } = generate(tokenPrefix, fields.workspaceId, undefined, id);
    return {
      record: newRecord(
        { ...fields, ...ends, prefix: tokenPrefix, digest: hasher.hash(token), rotatedFrom },
        createdAt,
        givenId !== undefined,
      ),
      token,
    };
  }

  function originOf(context: { actor?: string | null; source?: string | null }, at: number): ChangeOrigin {
    return { actor: context.actor ?? null, source: context.source ?? null, at };
  }

  async function read(id: string, { workspaceId }: { workspaceId?: string }): Promise<KeyRecord> {
    const record = isKeyId(id) ? await store.getKey(id) : null;
    if (record === null || (workspaceId !== undefined && record.workspaceId !== workspaceId)) throw keyNotFound(id);
    return record;
  }

  /** Common part of `create` and `import`. */
  function readNew<Given extends ReturnType<typeof inputs.create>>(
    what: string,
    { expiresAt, expiresIn, workspaceId, createdBy, rateLimit = null, ...fields }: Given,
    context: { workspaceId?: string; actor?: string | null; source?: string | null },
  ) {
    if (workspaceId !== undefined && context.workspaceId !== undefined && workspaceId !== context.workspaceId) {
      const message = 'The input and the context name different workspaces. Pass the same, or only one.';
      throw inputError(what, [{ path: 'workspaceId', message }]);
    }
    const createdAt = now();
    const creator = createdBy ?? context.actor ?? null;
    const complete = {
      agents: 'all' as const,
      environment,
      ...fields,
      rateLimit,
      workspaceId: workspaceId ?? context.workspaceId ?? DEFAULT_WORKSPACE,
      expiresAt: newExpiry(createdAt, defaultLifetime, { expiresAt, expiresIn }),
      createdBy: creator,
    };
    return { complete, createdAt, origin: originOf({ ...context, actor: context.actor ?? creator }, createdAt) };
  }

  /** Record after a mutation of one existing key. */
  async function change(id: string, mutation: () => Promise<MutationResult>): Promise<KeyRecord> {
    if (!isKeyId(id)) throw keyNotFound(id);
    const result = await mutation();
    if (result.ok) return result.key;
    throw result.reason === 'not_found' ? keyNotFound(id) : new KeyscopeError('conflict', CHANGED_MESSAGE);
  }

  /** Stores a key with a given token of this app. Rejects with `conflict` if the id in the token exists. */
  async function addNative(id: string, input: ReturnType<typeof inputs.ensure>, context: KeyMutationContext) {
    const { token, ...given } = input;
    const { complete, createdAt, origin } = readNew('keys.ensure', given, context);
    const ends = { prefix: prefixOf(prefix, environment), last4: token.slice(-LAST_LENGTH) };
    const record = newRecord(
      { ...complete, ...ends, id, digest: hasher.hash(token), rotatedFrom: null },
      createdAt,
      true,
    );
    if (!(await store.createKey(record, origin))) throw new KeyscopeError('conflict', CHANGED_MESSAGE);
  }

  const service: Omit<KeyService<Permission>, 'ensure' | 'revokeAll' | 'disableAll'> = {
    async create(input, givenContext) {
      const { idempotencyKey, ...context } = inputs.creationContext(givenContext);
      const { complete, createdAt, origin } = readNew('keys.create', inputs.create(input), context);
      const id =
        idempotencyKey === undefined
          ? undefined
          : deriveId(complete.workspaceId, ['idempotency', origin.actor, idempotencyKey]);
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const { record, token } = makeKey(complete, createdAt, null, id);
        if (await store.createKey(record, origin)) return { key: toApiKey(record), token };
        if (id !== undefined) throw new KeyscopeError('conflict', createdBefore(id));
      }
      throw new KeyscopeError('conflict', 'Every generated id exists already. The random source may be broken.');
    },

    async import(input, givenContext) {
      if (!importedTokens) throw new KeyscopeError('invalid_options', NOT_ENABLED_MESSAGE);
      const { token, sha256, ...given } = inputs.import(input);
      const context = inputs.importContext(givenContext);
      const shown = { ...context, ...given, workspaceId: given.workspaceId ?? context.workspaceId };
      const { alias, fingerprint, hashInput: proof, first, last } = readImportedToken({ token, sha256 }, shown);
      const { complete, createdAt, origin } = readNew('keys.import', given, context);
      const id = deriveImportedKeyId(complete.workspaceId, fingerprint);
      const ends = { prefix: first, last4: last, alias };
      const record = newRecord(
        { ...complete, ...ends, id, digest: hasher.hash(proof), rotatedFrom: null },
        createdAt,
        true,
      );
      if (!(await links.add(record, alias, origin))) throw importedBefore(id);
      return toApiKey(record);
    },

    async get(id, givenContext) {
      return toApiKey(await read(id, inputs.context(givenContext, 'keys.get')));
    },

    async list(input) {
      const given = inputs.list(input);
      const { workspaceId, q, sort, order = sort === 'created' ? 'desc' : 'asc', limit, cursor } = given;
      const filter = filterOf(given);
      const listing = { workspaceId, q: foldName(q), filter, sort, order };
      const after = cursor === undefined ? null : readKeyCursor(listing, cursor);
      const page = await store.listKeys({ ...listing, limit, after });
      return {
        keys: page.keys.map((record) => toApiKey<Permission>(record)),
        total: page.total,
        matching: countMatching(page, cursor === undefined, q === '' && filter === null),
        cursor: page.next === null ? null : writeKeyCursor(listing, page.next),
      };
    },

    async update(id, givenChanges, givenContext) {
      const changes = inputs.update(givenChanges);
      const { workspaceId, revision, ...context } = inputs.mutationContext(givenContext, 'keys.update');
      const precondition: Precondition = { workspaceId, revision };
      return toApiKey(await change(id, () => store.updateKey(id, changes, originOf(context, now()), precondition)));
    },

    async rotate(id, input, givenContext) {
      const { overlap, ...expiry } = inputs.rotate(input);
      const { workspaceId, revision, ...context } = inputs.mutationContext(givenContext, 'keys.rotate');
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const old = await read(id, { workspaceId });
        if (revision !== undefined && revision !== old.revision) throw new KeyscopeError('conflict', CHANGED_MESSAGE);
        const at = now();
        checkRotatable(old, at);
        const { record, token } = makeKey(
          {
            ...carriedFields(old),
            // So that rotations give the last keys without an environment the one of the only app that accepts them.
            environment: old.environment ?? (keysWithoutEnvironment ? environment : null),
            expiresAt: newExpiry(at, lifetimeOf(old), expiry),
            createdBy: context.actor ?? null,
          },
          at,
          id,
        );
        // The successor is a copy, so it is only correct if the key has not changed since the read.
        const precondition: Precondition = { workspaceId, revision: old.revision };
        const oldExpiresAt = overlap === 0 ? null : Math.min(at + overlap, LAST_TIME);
        const result = await store
          .rotateKey(id, record, oldExpiresAt, originOf(context, at), precondition)
          .catch(idTaken);
        if (result === null) continue;
        if (result.ok) return { key: toApiKey(record), token };
        if (result.reason === 'not_found') throw keyNotFound(id);
      }
      throw new KeyscopeError(
        'conflict',
        'The key could not be rotated, because it changed during every attempt. Retry.',
      );
    },

    async delete(id, givenContext) {
      const { workspaceId, revision, ...context } = inputs.mutationContext(givenContext, 'keys.delete');
      const deleted = await change(id, () => store.deleteKey(id, originOf(context, now()), { workspaceId, revision }));
      await links.release(deleted);
    },
  };
  return {
    ...service,
    ...createChangeAll<Permission>({ store, inputs, now, service }),
    ensure: createEnsureKey<Permission>({
      store,
      hasher,
      inputs,
      now,
      prefix: prefixOf(prefix, environment),
      addNative,
      readNew: (input, context) => readNew('keys.ensure', input, context),
      service: service as Omit<KeyService, 'ensure' | 'revokeAll' | 'disableAll'>,
    }),
  };
}
