import { KeyscopeError } from '../../errors';
import { refuseImmutable } from '../../keys/input-schemas';
import type { KeyService } from '../../keys/service';
import type { ApiKey, CreatedKey } from '../../keys/types';
import { etagOf } from '../conditional-headers';
import type { Answer, Call } from '../handler';
import { defineRoute, type Route } from '../operation';
import {
  type KeyBodies,
  keyListSchema,
  keyQuerySchema,
  keySchema,
  keyWithTokenSchema,
  rotateKeySchema,
  type WireKey,
} from '../schemas';

/** A key as JSON has it: times are ISO 8601 strings. Which columns are public is for `store/key-fields` to say. */
function toWire(key: ApiKey): WireKey {
  const members = Object.entries(key).map(([name, value]) => [
    name,
    value instanceof Date ? value.toISOString() : value,
  ]);
  return Object.fromEntries(members);
}

function shown(key: ApiKey): Answer {
  return { status: 200, body: toWire(key), headers: { ETag: etagOf(key.revision) } };
}

function revealed({ key, token }: CreatedKey, { mount }: Call): Answer {
  return {
    status: 201,
    body: { key: toWire(key), token },
    headers: { ETag: etagOf(key.revision), Location: `${mount}/keys/${key.id}` },
  };
}

function changedMeanwhile(): KeyscopeError {
  return new KeyscopeError(
    'precondition_failed',
    'The key has changed since the revision that If-Match names. Read it again and decide anew.',
  );
}

export function createKeyRoutes(keys: KeyService, bodies: KeyBodies): Route[] {
  const idOf = ({ params }: Call) => params.id as string;

  function contextOf({ identity: { workspaceId, actor }, source }: Call) {
    return { workspaceId, actor, source };
  }

  /** Changes a key, if it is at a revision that `If-Match` names. */
  async function change<T>(call: Call, mutate: (revision?: number) => Promise<T>): Promise<T> {
    const { ifMatch, identity } = call;
    if (ifMatch === null || ifMatch === '*') return mutate();
    const read = () => keys.get(idOf(call), { workspaceId: identity.workspaceId });
    const { revision } = await read();
    if (!ifMatch.includes(etagOf(revision))) throw changedMeanwhile();
    try {
      return await mutate(revision);
    } catch (error) {
      const isConflict = error instanceof KeyscopeError && error.code === 'conflict';
      if (isConflict && (await read()).revision !== revision) throw changedMeanwhile();
      throw error;
    }
  }

  return [
    defineRoute({
      method: 'GET',
      path: '/keys',
      operationId: 'listKeys',
      summary: "One page of the workspace's keys, expired and disabled ones among them",
      query: keyQuerySchema,
      answer: { status: 200, description: 'A page of keys.', schema: keyListSchema },
      async handle({ identity, query }) {
        const page = await keys.list({ ...query, workspaceId: identity.workspaceId });
        return { status: 200, body: { keys: page.keys.map(toWire), cursor: page.cursor } };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/keys',
      operationId: 'createKey',
      summary: 'Make a key and show its token, once',
      body: bodies.create,
      idempotent: true,
      answer: {
        status: 201,
        description: 'The key, and its token for the first and last time.',
        schema: keyWithTokenSchema,
        headers: ['Location', 'ETag', 'Idempotent-Replayed'],
      },
      errors: ['conflict'],
      async handle(call) {
        const { body, idempotencyKey } = call;
        const created = await keys.create(body, {
          ...contextOf(call),
          ...(idempotencyKey === null ? {} : { idempotencyKey }),
        });
        return revealed(created, call);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/keys/:id',
      operationId: 'getKey',
      summary: 'One key',
      answer: { status: 200, description: 'The key.', schema: keySchema, headers: ['ETag'] },
      errors: ['key_not_found'],
      async handle(call) {
        return shown(await keys.get(idOf(call), { workspaceId: call.identity.workspaceId }));
      },
    }),
    defineRoute({
      method: 'PATCH',
      path: '/keys/:id',
      operationId: 'updateKey',
      summary: 'Change the name, the permissions, or whether the key is disabled',
      body: bodies.update,
      checkBody: refuseImmutable,
      conditional: true,
      answer: { status: 200, description: 'The key as it is now.', schema: keySchema, headers: ['ETag'] },
      errors: ['immutable_field', 'key_not_found'],
      async handle(call) {
        return shown(
          await change(call, (revision) => keys.update(idOf(call), call.body, { ...contextOf(call), revision })),
        );
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/keys/:id',
      operationId: 'deleteKey',
      summary: 'Delete a key: it is refused from now on',
      conditional: true,
      answer: { status: 204, description: 'The key is gone.' },
      errors: ['key_not_found'],
      async handle(call) {
        await change(call, (revision) => keys.delete(idOf(call), { ...contextOf(call), revision }));
        return { status: 204 };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/keys/:id/rotate',
      operationId: 'rotateKey',
      summary: 'Replace a key by a new one with the same scope, and show its token, once',
      body: rotateKeySchema,
      conditional: true,
      idempotent: true,
      answer: {
        status: 201,
        description: 'The new key, and its token for the first and last time.',
        schema: keyWithTokenSchema,
        headers: ['Location', 'ETag', 'Idempotent-Replayed'],
      },
      errors: ['key_not_found', 'conflict'],
      async handle(call) {
        const rotated = await change(call, (revision) =>
          keys.rotate(idOf(call), call.body, { ...contextOf(call), revision }),
        );
        return revealed(rotated, call);
      },
    }),
  ];
}
