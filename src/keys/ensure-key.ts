import { KeyscopeError } from '../errors';
import { DEFAULT_WORKSPACE } from '../field-schemas';
import type { KeyRecord } from '../store/records';
import type { Store } from '../store/store';
import type { TokenHasher } from '../token/digest';
import { workspaceTag } from '../token/format';
import { fingerprintOf, hashInputOf } from '../token/imported-token';
import { createTokenParser } from '../token/parse';
import { inputError } from '../validate-input';
import { deriveImportedKeyId } from './imported-keys';
import type { createKeyInputs } from './input-schemas';
import { type KeyMutationContext, type KeyService, toApiKey, type UpdateKeyInput } from './types';

/** Attempts if another process changes the key at the same time. */
const MAX_ATTEMPTS = 8;

const OTHER_WORKSPACE =
  "This token was created for another workspace. Pass that workspace's id, or the token of a key of this one.";

function hasSameMembers(left: 'all' | readonly string[], right: 'all' | readonly string[]): boolean {
  if (left === 'all' || right === 'all') return left === right;
  return left.length === right.length && left.every((member) => right.includes(member));
}

/** The changes that give a key the wanted state. Absent fields are left as an operator has set them. */
function changesOf(
  key: KeyRecord,
  wanted: Required<Pick<UpdateKeyInput, 'name' | 'permissions'>> & UpdateKeyInput,
): UpdateKeyInput {
  const { name, permissions, disabled, allowedIps } = wanted;
  const optional = (['rateLimit', 'owner', 'contact', 'metadata'] as const).filter(
    (field) => wanted[field] !== undefined && JSON.stringify(wanted[field]) !== JSON.stringify(key[field]),
  );
  return {
    ...(key.name !== name && { name }),
    ...(!hasSameMembers(key.permissions, permissions) && { permissions }),
    ...(disabled !== undefined && key.disabled !== disabled && { disabled }),
    ...(allowedIps !== undefined && !hasSameMembers(key.allowedIps, allowedIps) && { allowedIps }),
    ...Object.fromEntries(optional.map((field) => [field, wanted[field]])),
  };
}

/** Whether an error says that another process was first. */
function isConflict(error: unknown): boolean {
  return error instanceof KeyscopeError && error.code === 'conflict';
}

type Inputs = Pick<ReturnType<typeof createKeyInputs>, 'ensure' | 'ensureContext'>;

/** Creates `keys.ensure()`. */
export function createEnsureKey<Permission extends string>(deps: {
  readonly store: Pick<Store, 'getKey'>;
  readonly hasher: TokenHasher;
  readonly inputs: Inputs;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Prefix of this app's tokens. */
  readonly prefix: string;
  /** Stores a key with a token of this app. Rejects with `conflict` if the id in the token exists. */
  readonly addNative: (id: string, input: ReturnType<Inputs['ensure']>, context: KeyMutationContext) => Promise<void>;
  readonly service: Pick<KeyService, 'import' | 'update' | 'delete'>;
}): KeyService<Permission>['ensure'] {
  const { store, hasher, inputs, now, addNative, service } = deps;
  const parse = createTokenParser(deps.prefix);

  return async function ensure(input, givenContext) {
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
      else await service.import({ agents: 'all', ...input }, givenContext);
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
      if (key.revoked || now() >= key.expiresAt || !hasSameMembers(key.agents, wanted.agents ?? 'all')) {
        // Agents and expiry are fixed at creation.
        await service.delete(id, precondition);
        return null;
      }
      const changes = changesOf(key, wanted);
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
