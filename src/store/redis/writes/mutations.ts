import { randomBytes } from 'node:crypto';
import { KeyscopeError } from '../../../errors';
import { isKeyId, tagOf, workspaceTag } from '../../../token/format';
import { KEY_SORTS, type KeyRecord } from '../../records';
import type { ChangeListener, ChangeOrigin, MutationResult, Precondition, Store } from '../../store';
import { unavailable, unreadable } from '../errors';
import type { KeyNames } from '../key-names';
import type { BatchedReader } from '../reads/batched-reader';
import { decodeKey, decodeProject, encodeChanges, encodeKey, encodeProject, encodeTime } from '../record-codec';
import type { RunMutation } from './run-mutation';

export interface MutationsOptions {
  readonly runMutation: RunMutation;
  readonly keyNames: KeyNames;
  readonly reader: BatchedReader;
  readonly auditLimit: number;
  readonly listeners: readonly ChangeListener[];
}

type Mutations = Pick<Store, 'createKey' | 'updateKey' | 'deleteKey' | 'rotateKey' | 'setProject' | 'clearProject'>;

const NOT_FOUND: MutationResult = { ok: false, reason: 'not_found' };

/** All that a workspace owns shares a slot because its keys' ids begin with its tag; an id that does not would not. */
function checkId(key: KeyRecord): void {
  if (isKeyId(key.id) && tagOf(key.id) === workspaceTag(key.workspaceId)) return;
  throw new KeyscopeError('invalid_request', "A key's id must begin with the tag of its workspace.");
}

export function createMutations({ runMutation, keyNames, reader, auditLimit, listeners }: MutationsOptions): Mutations {
  /** What every script begins with: the call's number, the origin, the limit of the audit trail. */
  function commonArgs(origin: ChangeOrigin): string[] {
    return [
      randomBytes(9).toString('base64url'),
      encodeTime(origin.at),
      JSON.stringify(origin.actor),
      JSON.stringify(origin.source),
      String(auditLimit),
    ];
  }

  function keysOf(id: string, workspaceId: string): string[] {
    const indexes = KEY_SORTS.map((sort) => keyNames.index(workspaceId, sort));
    return [keyNames.key(id), ...indexes, keyNames.audit(workspaceId)];
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
   * The workspace whose indexes a change of this key concerns: scripts must name all their keys beforehand. A key never
   * changes its workspace, and the script looks again. Null where there is no such key in that workspace.
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
    if (outcome === 'not_found' || outcome === 'revision' || outcome === 'rotated')
      return { ok: false, reason: outcome };
    throw unavailable('The key store gave an answer that means nothing.');
  }

  const expected = ({ revision }: Precondition) => (revision === undefined ? '' : String(revision));

  return {
    async createKey(key, origin) {
      checkId(key);
      const [outcome] = await runMutation({
        script: 'createKey',
        keys: keysOf(key.id, key.workspaceId),
        args: [...commonArgs(origin), ...encodeKey(key)],
        since: performance.now(),
        notify: notifyKeys(key.id),
      });
      return outcome === 'ok';
    },

    async updateKey(id, changes, origin, precondition) {
      const since = performance.now();
      const workspaceId = await findWorkspace(id, precondition);
      if (workspaceId === null) return NOT_FOUND;
      const reply = await runMutation({
        script: 'updateKey',
        keys: keysOf(id, workspaceId),
        args: [...commonArgs(origin), workspaceId, expected(precondition), ...encodeChanges(changes)],
        since,
        notify: notifyKeys(id),
      });
      return toResult(id, reply);
    },

    async deleteKey(id, origin, precondition) {
      const since = performance.now();
      const workspaceId = await findWorkspace(id, precondition);
      if (workspaceId === null) return NOT_FOUND;
      const reply = await runMutation({
        script: 'deleteKey',
        keys: [...keysOf(id, workspaceId), keyNames.usage(id)],
        args: [...commonArgs(origin), workspaceId, expected(precondition)],
        since,
        notify: notifyKeys(id),
      });
      return toResult(id, reply);
    },

    async rotateKey(id, successor, oldExpiresAt, origin, precondition) {
      const since = performance.now();
      checkId(successor);
      const workspaceId = await findWorkspace(id, precondition);
      if (workspaceId === null) return NOT_FOUND;
      if (successor.workspaceId !== workspaceId) {
        throw new KeyscopeError('invalid_request', "A key's successor must belong to the same workspace.");
      }
      const reply = await runMutation({
        script: 'rotateKey',
        keys: [...keysOf(id, workspaceId), keyNames.key(successor.id)],
        args: [
          ...commonArgs(origin),
          workspaceId,
          expected(precondition),
          oldExpiresAt === null ? '' : encodeTime(oldExpiresAt),
          ...encodeKey(successor),
        ],
        since,
        notify: notifyKeys(id, successor.id),
      });
      if (reply[0] === 'taken') throw new KeyscopeError('conflict', "The new key's id is taken already.");
      return toResult(id, reply);
    },

    async setProject(workspaceId, projectId, features, origin) {
      const { what, when } = encodeProject(projectId, features, origin.at);
      const key = keyNames.projects(workspaceId);
      const [, stored] = await runMutation({
        script: 'setProject',
        keys: [key, keyNames.audit(workspaceId)],
        args: [...commonArgs(origin), projectId, what, when],
        since: performance.now(),
        notify: notifyProjects(workspaceId),
      });
      return decodeProject(stored, key);
    },

    async clearProject(workspaceId, projectId, origin) {
      const [outcome] = await runMutation({
        script: 'clearProject',
        keys: [keyNames.projects(workspaceId), keyNames.audit(workspaceId)],
        args: [...commonArgs(origin), projectId],
        since: performance.now(),
        notify: notifyProjects(workspaceId),
      });
      return outcome === 'ok';
    },
  };
}
