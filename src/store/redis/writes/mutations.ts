import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../clock';
import { KeyscopeError } from '../../../errors';
import { isKeyId, tagOf, workspaceTag } from '../../../token/format';
import { KEY_SORTS, type KeyRecord } from '../../records';
import type { ChangeListener, ChangeOrigin, MutationResult, Precondition, Store } from '../../store';
import { unavailable, unreadable } from '../errors';
import type { KeyNames } from '../key-names';
import type { BatchedReader } from '../reads/batched-reader';
import { decodeKey, decodeProject, encodeChanges, encodeKey, encodeProject, encodeTime } from '../record-codec';
import type { Mutation, RunMutation } from './run-mutation';

export interface MutationsOptions {
  readonly runMutation: RunMutation;
  readonly keyNames: KeyNames;
  readonly reader: BatchedReader;
  readonly clock: Clock;
  readonly auditLimit: number;
  readonly listeners: readonly ChangeListener[];
}

type Mutations = Pick<
  Store,
  'createKey' | 'updateKey' | 'deleteKey' | 'rotateKey' | 'exposeKey' | 'setProject' | 'clearProject' | 'lastAuditId'
>;

const NOT_FOUND: MutationResult = { ok: false, reason: 'not_found' };

/**
 * Throws unless a key's id begins with the tag of its workspace. Only then do all entries of the workspace share a
 * slot.
 */
function checkId(key: KeyRecord): void {
  if (isKeyId(key.id) && tagOf(key.id) === workspaceTag(key.workspaceId)) return;
  throw new KeyscopeError('invalid_request', "A key's id must begin with the tag of its workspace.");
}

/** Creates a unique id for one change. */
function newOp(): string {
  return randomBytes(9).toString('base64url');
}

export function createMutations({
  runMutation,
  keyNames,
  reader,
  auditLimit,
  listeners,
  clock,
}: MutationsOptions): Mutations {
  /** The arguments that every script begins with: the change's op, the origin, the limit of the audit log. */
  function commonArgs(op: string, origin: ChangeOrigin): string[] {
    return [op, encodeTime(origin.at), JSON.stringify(origin.actor), JSON.stringify(origin.source), String(auditLimit)];
  }

  function keysOf(id: string, workspaceId: string): string[] {
    const indexes = KEY_SORTS.map((sort) => keyNames.index(workspaceId, sort));
    return [keyNames.key(id), ...indexes, keyNames.outbox(tagOf(id)), keyNames.audit(workspaceId)];
  }

  function projectKeysOf(workspaceId: string): string[] {
    const outbox = keyNames.outbox(workspaceTag(workspaceId));
    return [keyNames.projects(workspaceId), outbox, keyNames.audit(workspaceId)];
  }

  function notifyKeys(...ids: string[]): () => void {
    return function notify() {
      for (const listener of listeners) for (const id of ids) listener.keyChanged(id);
    };
  }

  function notifyProjects(workspaceId: string): () => void {
    return function notify() {
      for (const listener of listeners) listener.projectsChanged(workspaceId);
    };
  }

  /**
   * Workspace whose indexes a change of this key affects: scripts must name all their keys in advance. A key never
   * changes its workspace, and the script checks it again. Null if there is no such key in that workspace.
   */
  async function findWorkspace(id: string, { workspaceId }: Precondition): Promise<string | null> {
    if (!isKeyId(id)) return null;
    if (workspaceId !== undefined) return tagOf(id) === workspaceTag(workspaceId) ? workspaceId : null;
    const key = keyNames.key(id);
    return reader.read({
      name: 'hmget',
      key,
      args: ['workspaceId'],
      decode(reply) {
        const [found] = Array.isArray(reply) ? reply : [];
        if (typeof found === 'string' || found === null) return found;
        throw unreadable(key);
      },
    });
  }

  function toResult(id: string, [outcome, ...fields]: string[]): MutationResult {
    if (outcome === 'ok') {
      const key = decodeKey(fields, id, keyNames.key(id));
      if (key) return { ok: true, key };
    }
    if (outcome === 'not_found' || outcome === 'revision' || outcome === 'rotated' || outcome === 'revoked')
      return { ok: false, reason: outcome };
    throw unavailable('Unexpected reply from the key store.');
  }

  /** Changes one key, unless it has changed since it was read. */
  function keyMutation(
    script: Extract<Mutation['script'], 'updateKey' | 'deleteKey' | 'rotateKey' | 'exposeKey'>,
    { id, workspaceId, since }: { id: string; workspaceId: string; since: number },
    {
      origin,
      precondition,
      otherKeys = [],
      args = [],
      otherIds = [],
    }: {
      origin: ChangeOrigin;
      precondition: Precondition;
      otherKeys?: readonly string[];
      args?: readonly string[];
      otherIds?: readonly string[];
    },
  ): Promise<string[]> {
    const revision = precondition.revision === undefined ? '' : String(precondition.revision);
    const common = commonArgs(newOp(), origin);
    return runMutation({
      script,
      key: keyNames.key(id),
      observe: [['hget', keyNames.key(id), 'op']],
      input: ([op = '']) => ({
        keys: [...keysOf(id, workspaceId), ...otherKeys],
        args: [...common, workspaceId, revision, op, ...args],
      }),
      since,
      notify: notifyKeys(id, ...otherIds),
    });
  }

  return {
    async createKey(key, origin) {
      checkId(key);
      const deleted = keyNames.deletedKey(key.id);
      const args = [commonArgs(newOp(), origin), encodeKey(key)] as const;
      const [outcome] = await runMutation({
        script: 'createKey',
        key: keyNames.key(key.id),
        observe: [['get', deleted]],
        input: ([deletion = '']) => ({
          keys: [...keysOf(key.id, key.workspaceId), deleted],
          args: [...args[0], deletion, ...args[1]],
        }),
        since: clock.monotonic(),
        notify: notifyKeys(key.id),
      });
      return outcome === 'ok';
    },

    async updateKey(id, changes, origin, precondition) {
      const since = clock.monotonic();
      const workspaceId = await findWorkspace(id, precondition);
      if (workspaceId === null) return NOT_FOUND;
      const change = { origin, precondition, args: encodeChanges(changes) };
      return toResult(id, await keyMutation('updateKey', { id, workspaceId, since }, change));
    },

    async deleteKey(id, origin, precondition) {
      const since = clock.monotonic();
      const workspaceId = await findWorkspace(id, precondition);
      if (workspaceId === null) return NOT_FOUND;
      const change = { origin, precondition, otherKeys: [keyNames.deletedKey(id), keyNames.usage(id)] };
      return toResult(id, await keyMutation('deleteKey', { id, workspaceId, since }, change));
    },

    async rotateKey(id, successor, oldExpiresAt, origin, precondition) {
      const since = clock.monotonic();
      checkId(successor);
      const workspaceId = await findWorkspace(id, precondition);
      if (workspaceId === null) return NOT_FOUND;
      if (successor.workspaceId !== workspaceId) {
        throw new KeyscopeError('invalid_request', "A key's successor must belong to the same workspace.");
      }
      const reply = await keyMutation(
        'rotateKey',
        { id, workspaceId, since },
        {
          origin,
          precondition,
          otherKeys: [keyNames.key(successor.id)],
          args: [oldExpiresAt === null ? '' : encodeTime(oldExpiresAt), ...encodeKey(successor)],
          otherIds: [successor.id],
        },
      );
      if (reply[0] === 'taken') throw new KeyscopeError('conflict', "The new key's id is taken already.");
      return toResult(id, reply);
    },

    async exposeKey(id, exposure, origin, precondition) {
      const since = clock.monotonic();
      const workspaceId = await findWorkspace(id, precondition);
      if (workspaceId === null) return NOT_FOUND;
      const change = { origin, precondition, args: [exposure.policy, JSON.stringify(exposure)] };
      return toResult(id, await keyMutation('exposeKey', { id, workspaceId, since }, change));
    },

    async setProject(workspaceId, projectId, features, origin) {
      const op = newOp();
      const { what, when } = encodeProject(projectId, features, origin.at, op);
      const key = keyNames.projects(workspaceId);
      const cleared = keyNames.clearedProject(workspaceId, projectId);
      const [, stored] = await runMutation({
        script: 'setProject',
        key,
        observe: [
          ['hget', key, projectId],
          ['get', cleared],
        ],
        input: ([before = '', clearing = '']) => ({
          keys: [...projectKeysOf(workspaceId), ...(before === '' ? [cleared] : [])],
          args: [...commonArgs(op, origin), projectId, before, workspaceId, clearing, what, when],
        }),
        since: clock.monotonic(),
        notify: notifyProjects(workspaceId),
      });
      return decodeProject(stored, key);
    },

    async clearProject(workspaceId, projectId, origin) {
      const key = keyNames.projects(workspaceId);
      const [outcome] = await runMutation({
        script: 'clearProject',
        key,
        observe: [['hget', key, projectId]],
        input: ([before = '']) => ({
          keys: [...projectKeysOf(workspaceId), keyNames.clearedProject(workspaceId, projectId)],
          args: [...commonArgs(newOp(), origin), projectId, before, workspaceId],
        }),
        since: clock.monotonic(),
        notify: notifyProjects(workspaceId),
      });
      return outcome === 'ok';
    },

    async lastAuditId(workspaceId) {
      const key = keyNames.audit(workspaceId);
      const [outcome, id] = await runMutation({
        script: 'lastAuditId',
        key,
        input: () => ({ keys: [key], args: [] }),
        since: clock.monotonic(),
        notify() {},
      });
      if (outcome === 'none') return null;
      if (id === undefined) throw unavailable('Unexpected reply from the key store.');
      return id;
    },
  };
}
