import { KeyscopeError } from '../../errors';
import { refuseImmutable } from '../../keys/input-schemas';
import type { KeySelection } from '../../keys/selection';
import type {
  ApiKey,
  CreatedKey,
  CreateKeyInput,
  EnsureKeyInput,
  KeyService,
  ListKeysInput,
  RotateKeyInput,
  UpdateKeyInput,
} from '../../keys/types';
import { inputError, parseInput } from '../../validate-input';
import { changeAllBodySchema, changedKeysSchema } from '../bulk-schemas';
import { etagOf } from '../conditional-headers';
import type { OperationRequest, OperationResponse } from '../handler';
import { keySchema } from '../key-schema';
import { defineOperation, type Operation } from '../operation';
import type { AgentResolver } from '../resolve-agents';
import { type KeyBodies, keyListSchema, keyQuerySchema, keyWithTokenSchema, type WireKey } from '../schemas';

/** A key as JSON: times are ISO 8601 strings. `store/key-fields` decides which columns are public. */
function toWire(key: ApiKey): WireKey {
  const members = Object.entries(key).map(([name, value]) => [
    name,
    value instanceof Date ? value.toISOString() : value,
  ]);
  return Object.fromEntries(members);
}

function keyResponse(key: ApiKey): OperationResponse {
  return { status: 200, body: toWire(key), headers: { ETag: etagOf(key.revision) } };
}

function tokenResponse({ key, token }: CreatedKey, { mount }: OperationRequest): OperationResponse {
  return {
    status: 201,
    body: { key: toWire(key), token },
    headers: { ETag: etagOf(key.revision), Location: `${mount}/keys/${key.id}` },
  };
}

function revisionChanged(): KeyscopeError {
  return new KeyscopeError(
    'precondition_failed',
    'The key has changed since the revision in If-Match. Read it again, then retry.',
  );
}

const FOREIGN_TOKEN = { path: 'token', message: 'Expected a token of this app, which denies imported tokens.' };

/** Whether an app denies imported tokens, and has received one. */
function isNotEnabled(error: unknown): boolean {
  return error instanceof KeyscopeError && error.code === 'invalid_options';
}

export function createKeyOperations(keys: KeyService, bodies: KeyBodies, agents: AgentResolver): Operation[] {
  const idOf = ({ params }: OperationRequest) => params.id as string;

  function contextOf({ operator: { workspaceId, actor }, source }: OperationRequest) {
    return { workspaceId, actor, source };
  }

  /** Changes a key if its revision is in `If-Match`. */
  async function change<T>(request: OperationRequest, mutate: (revision?: number) => Promise<T>): Promise<T> {
    const { ifMatch, operator } = request;
    if (ifMatch === null || ifMatch === '*') return mutate();
    const read = () => keys.get(idOf(request), { workspaceId: operator.workspaceId });
    const { revision } = await read();
    if (!ifMatch.includes(etagOf(revision))) throw revisionChanged();
    try {
      return await mutate(revision);
    } catch (error) {
      const isConflict = error instanceof KeyscopeError && error.code === 'conflict';
      if (isConflict && (await read()).revision !== revision) throw revisionChanged();
      throw error;
    }
  }

  function changeAll(method: 'revokeAll' | 'disableAll', path: string, summary: string): Operation {
    return defineOperation({
      method: 'POST',
      path,
      operationId: method === 'revokeAll' ? 'revokeKeys' : 'disableKeys',
      summary,
      body: changeAllBodySchema,
      response: { status: 200, description: 'The number of keys, and the first of them.', schema: changedKeysSchema },
      async handle(request) {
        const { dryRun, limit, cursor, ...selection } = parseInput(changeAllBodySchema, request.body, `keys.${method}`);
        const options = { ...contextOf(request), dryRun, limit, ...(cursor !== undefined && { cursor }) };
        const changed = await keys[method](selection as KeySelection, options);
        return { status: 200, body: { ...changed, sample: changed.sample.map(toWire) } };
      },
    });
  }

  return [
    // Before `/keys/:id`, whose pattern matches these paths also.
    changeAll('revokeAll', '/keys/revoke-all', 'Delete all keys that match'),
    changeAll('disableAll', '/keys/disable-all', 'Disable all keys that match'),
    defineOperation({
      method: 'GET',
      path: '/keys',
      operationId: 'listKeys',
      summary: 'List the keys of the workspace, including expired and disabled keys',
      query: keyQuerySchema,
      response: { status: 200, description: 'A page of keys.', schema: keyListSchema },
      async handle({ operator, query }) {
        const page = await keys.list({ ...query, workspaceId: operator.workspaceId } as ListKeysInput);
        return { status: 200, body: { ...page, keys: page.keys.map(toWire) } };
      },
    }),
    defineOperation({
      method: 'POST',
      path: '/keys',
      operationId: 'createKey',
      summary: 'Create a key and return its token, once',
      body: bodies.create,
      idempotent: true,
      response: {
        status: 201,
        description: 'The key, and its token. This is the only response with the token.',
        schema: keyWithTokenSchema,
        headers: ['Location', 'ETag', 'Idempotent-Replayed'],
      },
      errors: ['conflict'],
      async handle(request) {
        const { idempotencyKey, operator } = request;
        const body = await agents.resolveBody(request.body, operator.workspaceId);
        const created = await keys.create(body as CreateKeyInput, {
          ...contextOf(request),
          ...(idempotencyKey === null ? {} : { idempotencyKey }),
        });
        return tokenResponse(created, request);
      },
    }),
    defineOperation({
      method: 'POST',
      // Before `/keys/:id`. No id has this form.
      path: '/keys/ensure',
      operationId: 'ensureKey',
      summary: 'Create the key of a given token, or give it this state',
      description:
        'A repeated request changes nothing. A key that has expired, was rotated, or has other agents is created again.',
      body: bodies.ensure,
      response: { status: 200, description: 'The key as it is now.', schema: keySchema, headers: ['ETag'] },
      errors: ['conflict'],
      async handle(request) {
        const body = await agents.resolveBody(request.body, request.operator.workspaceId);
        try {
          return keyResponse(await keys.ensure(body as EnsureKeyInput, contextOf(request)));
        } catch (error) {
          throw isNotEnabled(error) ? inputError('The request', [FOREIGN_TOKEN]) : error;
        }
      },
    }),
    defineOperation({
      method: 'GET',
      path: '/keys/:id',
      operationId: 'getKey',
      summary: 'Get a key',
      response: { status: 200, description: 'The key.', schema: keySchema, headers: ['ETag'] },
      errors: ['key_not_found'],
      async handle(request) {
        return keyResponse(await keys.get(idOf(request), { workspaceId: request.operator.workspaceId }));
      },
    }),
    defineOperation({
      method: 'PATCH',
      path: '/keys/:id',
      operationId: 'updateKey',
      summary: 'Change columns of the key, disable or enable it',
      body: bodies.update,
      checkBody: refuseImmutable,
      conditional: true,
      response: { status: 200, description: 'The key as it is now.', schema: keySchema, headers: ['ETag'] },
      errors: ['immutable_field', 'key_not_found'],
      async handle(request) {
        return keyResponse(
          await change(request, (revision) =>
            keys.update(idOf(request), request.body as UpdateKeyInput, { ...contextOf(request), revision }),
          ),
        );
      },
    }),
    defineOperation({
      method: 'DELETE',
      path: '/keys/:id',
      operationId: 'deleteKey',
      summary: 'Delete a key',
      conditional: true,
      response: { status: 204, description: 'The key is deleted. Requests with its token are denied.' },
      errors: ['key_not_found'],
      async handle(request) {
        await change(request, (revision) => keys.delete(idOf(request), { ...contextOf(request), revision }));
        return { status: 204 };
      },
    }),
    defineOperation({
      method: 'POST',
      path: '/keys/:id/rotate',
      operationId: 'rotateKey',
      summary: 'Replace a key by a new one with the same scope, and return its token, once',
      body: bodies.rotate,
      conditional: true,
      idempotent: true,
      response: {
        status: 201,
        description: 'The new key, and its token. This is the only response with the token.',
        schema: keyWithTokenSchema,
        headers: ['Location', 'ETag', 'Idempotent-Replayed'],
      },
      errors: ['key_not_found', 'conflict'],
      async handle(request) {
        const rotated = await change(request, (revision) =>
          keys.rotate(idOf(request), request.body as RotateKeyInput, { ...contextOf(request), revision }),
        );
        return tokenResponse(rotated, request);
      },
    }),
  ];
}
