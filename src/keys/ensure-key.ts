import { isDeepStrictEqual } from 'node:util';
import { KeyscopeError } from '../errors';
import { DEFAULT_WORKSPACE } from '../field-schemas';
import { EDITABLE_FIELD_NAMES } from '../store/key-fields';
import type { KeyChanges, KeyRecord } from '../store/records';
import type { ChangeOrigin, Store } from '../store/store';
import type { TokenHasher } from '../token/digest';
import { workspaceTag } from '../token/format';
import { fingerprintOf, hashInputOf } from '../token/imported-token';
import { createTokenParser } from '../token/parse';
import { inputError } from '../validate-input';
import { deriveImportedKeyId } from './imported-keys';
import type { createKeyInputs } from './input-schemas';
import { type ImportKeyInput, type KeyMutationContext, type KeyService, toApiKey, type UpdateKeyInput } from './types';

/** Attempts if another process changes the key at the same time. */
const MAX_ATTEMPTS = 8;

const OTHER_WORKSPACE =
  "This token was created for another workspace. Pass that workspace's id, or the token of a key of this one.";

function hasSameMembers(left: 'all' | readonly string[], right: 'all' | readonly string[]): boolean {
  if (left === 'all' || right === 'all') return left === right;
  return left.length === right.length && left.every((member) => right.includes(member));
}

/** Whether a column has a value. The order of an array of strings does not matter. */
function hasValue(stored: unknown, wanted: unknown): boolean {
  if (!isStrings(stored) || !isStrings(wanted)) return isDeepStrictEqual(stored, wanted);
  return hasSameMembers(stored, wanted);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** The changes that give a key the wanted state. Absent fields are left as an operator has set them. */
function changesOf(key: KeyRecord, wanted: UpdateKeyInput): UpdateKeyInput {
  const changed = EDITABLE_FIELD_NAMES.filter(
    (name) => wanted[name] !== undefined && !hasValue(key[name], wanted[name]),
  );
  return Object.fromEntries(changed.map((name) => [name, wanted[name]]));
}

/** The input without undefined members: an undefined field is absent, and left as an operator has set it. */
function withoutUndefined(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

/** Whether an error says that another process was first. */
function isConflict(error: unknown): boolean {
  return error instanceof KeyscopeError && error.code === 'conflict';
}

type Inputs = Pick<ReturnType<typeof createKeyInputs>, 'ensure' | 'ensureContext'>;

/** Creates `keys.ensure()`. */
export function createEnsureKey<Permission extends string>(deps: {
  readonly store: Pick<Store, 'getKey' | 'updateKey'>;
  readonly hasher: TokenHasher;
  readonly inputs: Inputs;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Prefix of this app's tokens. */
  readonly prefix: string;
  /** Stores a key with a token of this app. Rejects with `conflict` if the id in the token exists. */
  readonly addNative: (id: string, input: ReturnType<Inputs['ensure']>, context: KeyMutationContext) => Promise<void>;
  /** The columns of a new key. */
  readonly readNew: (
    input: Omit<ReturnType<Inputs['ensure']>, 'token'>,
    context: KeyMutationContext,
  ) => { readonly complete: Pick<KeyRecord, 'agents' | 'expiresAt'>; readonly origin: ChangeOrigin };
  readonly service: Pick<KeyService, 'import' | 'update'>;
}): KeyService<Permission>['ensure'] {
  const { store, hasher, inputs, now, addNative, readNew, service } = deps;
  const parse = createTokenParser(deps.prefix);

  return async function ensure(given, givenContext) {
    const input = withoutUndefined(given);
    const wanted = inputs.ensure(input);
    const context = inputs.ensureContext(givenContext) as KeyMutationContext;
    const { token } = wanted;
    const workspaceId = wanted.workspaceId ?? context.workspaceId ?? DEFAULT_WORKSPACE;
    const nativeId = parse(token);
    if (nativeId?.startsWith(workspaceTag(workspaceId)) === false) {
      throw inputError('keys.ensure', [{ path: 'token', message: OTHER_WORKSPACE }]);
    }
    const fingerprint = fingerprintOf(token);
    const id = nativeId ?? deriveImportedKeyId(workspaceId, fingerprint);
    const proof = nativeId === null ? hashInputOf(fingerprint) : token;

    async function add(): Promise<void> {
      if (nativeId !== null) await addNative(id, wanted, context);
      else await service.import({ agents: 'all', ...(input as object) } as ImportKeyInput, givenContext);
    }

    /**
     * Gives a key the wanted agents and expiry, which `keys.update` does not change, in one step with the other changes. If it
     * were deleted and created again, another process could create it in between, without what an operator has set.
     */
    async function renew({ revision }: KeyRecord, changes: UpdateKeyInput): Promise<void> {
      const { token: _token, ...fields } = wanted;
      const { complete, origin } = readNew(fields, context);
      const { agents, expiresAt } = complete;
      const renewed = { ...changes, agents, expiresAt } as KeyChanges;
      // If it has changed since it was read, the next step reads it again.
      await store.updateKey(id, renewed, origin, { workspaceId, revision });
    }

    /** One step towards the wanted state. The record, once it has that state. */
    async function step(): Promise<KeyRecord | null> {
      const key = await store.getKey(id);
      if (key === null) {
        await add();
        return null;
      }
      if (key.workspaceId !== workspaceId || !hasher.verify(proof, key.digest)) {
        throw new KeyscopeError(
          'invalid_request',
          `The key ${id} has another workspace, secret or pepper than this token. Delete that key, or use another token.`,
        );
      }
      const precondition = { ...context, workspaceId, revision: key.revision };
      const changes = changesOf(key, wanted);
      const isRenewed = now() >= key.expiresAt || !hasSameMembers(key.agents, wanted.agents ?? 'all');
      // A rotation or a report ends the token, whatever the seeds of an app still have.
      if (key.revoked || (key.rotatedTo !== null && isRenewed)) {
        throw new KeyscopeError(
          'invalid_request',
          `The key ${id} was ${key.rotatedTo === null ? 'revoked, because its token was reported as leaked' : 'rotated'}. Use another token.`,
        );
      }
      if (isRenewed) {
        await renew(key, changes);
        return null;
      }
      if (Object.keys(changes).length === 0) return key;
      await service.update(id, changes, precondition);
      return null;
    }

    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        const key = await step();
        if (key !== null) return toApiKey<Permission>(key);
      } catch (error) {
        const gone = error instanceof KeyscopeError && error.code === 'key_not_found';
        if (!gone && !isConflict(error)) throw error;
      }
    }
    throw new KeyscopeError('conflict', `The key ${id} changed during every attempt. Retry.`);
  };
}
