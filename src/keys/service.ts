import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { DEFAULT_WORKSPACE } from '../field-schemas';
import { foldName } from '../store/index-position';
import { carriedFields } from '../store/key-fields';
import type { KeyRecord } from '../store/records';
import type { ChangeOrigin, MutationResult, Precondition, Store } from '../store/store';
import type { TokenHasher } from '../token/digest';
import { isKeyId } from '../token/format';
import { deriveId, generateToken } from '../token/generate';
import { inputError } from '../validate-input';
import { createAliasLinks, createReadImportedToken, deriveImportedKeyId, importedBefore } from './imported-keys';
import { createKeyInputs } from './input-schemas';
import { readKeyCursor, writeKeyCursor } from './list-cursor';
import { LAST_TIME } from './time';
import {
  type ApiKey,
  type CreatedKey,
  type CreateKeyInput,
  type ImportKeyInput,
  type KeyContext,
  type KeyCreationContext,
  type KeyList,
  type KeyMutationContext,
  type ListKeysInput,
  type RotateKeyInput,
  toApiKey,
  type UpdateKeyInput,
} from './types';

/** What may be done with keys. Every method rejects with `KeyscopeError`; all of them with `store_unavailable`. */
export interface KeyService<Permission extends string = string> {
  /** Makes a key. Rejects with `invalid_request`, and with `conflict` where `idempotencyKey` has made one before. */
  create(input: CreateKeyInput<Permission>, context?: KeyCreationContext): Promise<CreatedKey<Permission>>;
  /**
   * Takes over a key whose token was made elsewhere, so that its callers keep it; for apps made with `foreignTokens: true`.
   * Rejects with `invalid_request`, with `conflict` where the token has been imported before, and with `invalid_options`
   * without that option. Rotating the key gives it a token of our own form.
   */
  import(
    input: ImportKeyInput<Permission>,
    context?: Omit<KeyMutationContext, 'revision'>,
  ): Promise<ApiKey<Permission>>;
  /** Rejects with `key_not_found`. */
  get(id: string, context?: KeyContext): Promise<ApiKey<Permission>>;
  /** One page of a workspace's keys, expired and disabled ones among them. */
  list(input?: ListKeysInput): Promise<KeyList<Permission>>;
  /** Rejects with `key_not_found`, `invalid_request`, `immutable_field`, or `conflict` where `revision` is not the key's. */
  update(id: string, changes: UpdateKeyInput<Permission>, context?: KeyMutationContext): Promise<ApiKey<Permission>>;
  /**
   * Creates a key with the same workspace, name, agents and permissions, and lets the old one expire after `overlap`; 0
   * revokes it at once, on every clock. Rejects as `update` does, and with `conflict` if the key is disabled, has expired,
   * or was rotated before: then its successor is the one to rotate.
   */
  rotate(id: string, input: RotateKeyInput, context?: KeyMutationContext): Promise<CreatedKey<Permission>>;
  /** Rejects with `key_not_found`, also the second time, and with `conflict` as `update` does. */
  delete(id: string, context?: KeyMutationContext): Promise<void>;
}

export interface KeyServiceDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** What new tokens begin with. */
  readonly prefix: string;
  readonly hasher: TokenHasher;
  /** The declared permissions. */
  readonly permissions: readonly string[];
  /** Milliseconds. */
  readonly defaultLifetime: number;
  /** Whether imported keys are let in. Default false: then none is imported. */
  readonly foreignTokens?: boolean;
  /** For tests. Default: `generateToken`. */
  readonly generate?: typeof generateToken;
}

/** The columns of a new key that are the same for all. */
const NEW_RECORD: Pick<KeyRecord, 'disabled' | 'revoked' | 'revision' | 'rotatedTo' | 'alias'> = {
  disabled: false,
  revoked: false,
  revision: 1,
  rotatedTo: null,
  alias: null,
};

/** More edits in a row between our reading and our writing than that are no accident. */
const MAX_ATTEMPTS = 8;

function notFound(id: unknown): KeyscopeError {
  // An id is public, but what is not one could be anything, a token among them.
  const which = isKeyId(id) ? `There is no key with the id ${id}.` : 'There is no such key.';
  return new KeyscopeError('key_not_found', which);
}

/** A store's answer to a successor whose id is taken: another id will do. */
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

function madeBefore(id: string): KeyscopeError {
  return new KeyscopeError(
    'conflict',
    `The key ${id} has been made with this idempotency key before, and its token is not shown again. Use another idempotency key for another key; if the token got lost, rotate or delete that one.`,
  );
}

const NOT_ENABLED_MESSAGE =
  'keys.import: this app was made without `foreignTokens: true`, so imported keys would not be let in. Give createApiKeys that option.';

const CHANGED_MESSAGE = 'The key has changed since the given revision. Read it again and decide anew.';

export function createKeyService<Permission extends string = string>(deps: KeyServiceDeps): KeyService<Permission> {
  const { store, clock, prefix, hasher, defaultLifetime, foreignTokens = false, generate = generateToken } = deps;
  // Whole milliseconds, whatever the clock gives: they are written into indexes.
  const now = () => Math.floor(clock.wall());
  const inputs = createKeyInputs(deps.permissions, now);
  const readForeignToken = createReadImportedToken(prefix);
  const links = createAliasLinks(store);

  function newRecord(
    fields: Omit<KeyRecord, keyof typeof NEW_RECORD | 'createdAt' | 'updatedAt'> & Partial<typeof NEW_RECORD>,
    createdAt: number,
  ): KeyRecord {
    return { ...NEW_RECORD, ...fields, createdAt, updatedAt: createdAt };
  }

  function makeKey(
    fields: Omit<Parameters<typeof newRecord>[0], 'id' | 'digest' | 'last4' | 'prefix' | 'rotatedFrom'>,
    createdAt: number,
    rotatedFrom: string | null,
    givenId?: string,
  ): { record: KeyRecord; token: string } {
    const { id, token, last4 } = generate(prefix, fields.workspaceId, undefined, givenId);
    const ends = { last4, prefix };
    return {
      record: newRecord({ ...fields, id, ...ends, digest: hasher.hash(token), rotatedFrom }, createdAt),
      token,
    };
  }

  function expiryOf(at: number, lifetime: number, given: { expiresAt?: number; expiresIn?: number }): number {
    return given.expiresAt ?? Math.min(at + (given.expiresIn ?? lifetime), LAST_TIME);
  }

  function originOf(context: { actor?: string | null; source?: string | null }, at: number): ChangeOrigin {
    return { actor: context.actor ?? null, source: context.source ?? null, at };
  }

  async function read(id: string, { workspaceId }: { workspaceId?: string }): Promise<KeyRecord> {
    const record = isKeyId(id) ? await store.getKey(id) : null;
    if (record === null || (workspaceId !== undefined && record.workspaceId !== workspaceId)) throw notFound(id);
    return record;
  }

  /** What is common to keys that are made and keys that are imported. */
  function readNew<Given extends ReturnType<typeof inputs.create>>(
    what: string,
    { expiresAt, expiresIn, workspaceId, createdBy, ...fields }: Given,
    context: { workspaceId?: string; actor?: string | null; source?: string | null },
  ) {
    if (workspaceId !== undefined && context.workspaceId !== undefined && workspaceId !== context.workspaceId) {
      const message = 'The key is to be made in one workspace, and the call is about another. Give the same, or one.';
      throw inputError(what, [{ path: 'workspaceId', message }]);
    }
    const createdAt = now();
    const owner = createdBy ?? context.actor ?? null;
    const complete = {
      ...fields,
      workspaceId: workspaceId ?? context.workspaceId ?? DEFAULT_WORKSPACE,
      expiresAt: expiryOf(createdAt, defaultLifetime, { expiresAt, expiresIn }),
      createdBy: owner,
    };
    return { complete, createdAt, origin: originOf({ ...context, actor: context.actor ?? owner }, createdAt) };
  }

  /** The record that a mutation of one existing key came to. */
  async function change(id: string, mutation: () => Promise<MutationResult>): Promise<KeyRecord> {
    if (!isKeyId(id)) throw notFound(id);
    const result = await mutation();
    if (result.ok) return result.key;
    throw result.reason === 'not_found' ? notFound(id) : new KeyscopeError('conflict', CHANGED_MESSAGE);
  }

  return {
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
        if (id !== undefined) throw madeBefore(id);
      }
      throw new KeyscopeError('conflict', 'Every new id was taken already. Is the source of randomness broken?');
    },

    async import(input, givenContext) {
      if (!foreignTokens) throw new KeyscopeError('invalid_options', NOT_ENABLED_MESSAGE);
      const { token, sha256, ...given } = inputs.import(input);
      const context = inputs.importContext(givenContext);
      const shown = { ...context, ...given, workspaceId: given.workspaceId ?? context.workspaceId };
      const { alias, fingerprint, hashInput: proof, first, last } = readForeignToken({ token, sha256 }, shown);
      const { complete, createdAt, origin } = readNew('keys.import', given, context);
      const id = deriveImportedKeyId(complete.workspaceId, fingerprint);
      const ends = { prefix: first, last4: last, alias };
      const record = newRecord({ ...complete, ...ends, id, digest: hasher.hash(proof), rotatedFrom: null }, createdAt);
      if (!(await links.add(record, alias, origin))) throw importedBefore(id);
      return toApiKey(record);
    },

    async get(id, givenContext) {
      return toApiKey(await read(id, inputs.context(givenContext, 'keys.get')));
    },

    async list(input) {
      const { workspaceId, q, sort, order = sort === 'created' ? 'desc' : 'asc', limit, cursor } = inputs.list(input);
      const listing = { workspaceId, q: foldName(q), sort, order };
      const after = cursor === undefined ? null : readKeyCursor(listing, cursor);
      const page = await store.listKeys({ ...listing, limit, after });
      return {
        keys: page.keys.map((record) => toApiKey<Permission>(record)),
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
            expiresAt: expiryOf(at, old.expiresAt - old.createdAt, expiry),
            createdBy: context.actor ?? null,
          },
          at,
          id,
        );
        // Copied from what was read, so it only counts if nothing has changed since.
        const precondition: Precondition = { workspaceId, revision: old.revision };
        const oldExpiresAt = overlap === 0 ? null : Math.min(at + overlap, LAST_TIME);
        const result = await store
          .rotateKey(id, record, oldExpiresAt, originOf(context, at), precondition)
          .catch(idTaken);
        if (result === null) continue;
        if (result.ok) return { key: toApiKey(record), token };
        if (result.reason === 'not_found') throw notFound(id);
      }
      throw new KeyscopeError(
        'conflict',
        'The key could not be rotated, because it kept changing meanwhile. Try again.',
      );
    },

    async delete(id, givenContext) {
      const { workspaceId, revision, ...context } = inputs.mutationContext(givenContext, 'keys.delete');
      const deleted = await change(id, () => store.deleteKey(id, originOf(context, now()), { workspaceId, revision }));
      await links.release(deleted);
    },
  };
}
