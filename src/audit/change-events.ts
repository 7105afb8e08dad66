import type { ChangedEvent } from '../events';
import type { KeyRecord } from '../store/records';
import type { ChangeOrigin, MutationResult, Store } from '../store/store';

type Subject = Pick<ChangedEvent, 'target' | 'name' | 'workspaceId'>;

/** Wraps a store to report each change that it has stored. */
export function announceChanges(store: Store, emit: (event: ChangedEvent) => void): Store {
  function announce(action: ChangedEvent['action'], subject: Subject, { actor, source, at }: ChangeOrigin): void {
    emit({ action, ...subject, actor, source, at: new Date(at) });
  }
  function announceKey(
    action: ChangedEvent['action'],
    { id, name, workspaceId }: KeyRecord,
    origin: ChangeOrigin,
  ): void {
    announce(action, { target: id, name, workspaceId }, origin);
  }
  function announced(action: ChangedEvent['action'], result: MutationResult, origin: ChangeOrigin): MutationResult {
    if (result.ok) announceKey(action, result.key, origin);
    return result;
  }

  return {
    ...store,
    async createKey(key, origin) {
      const isNew = await store.createKey(key, origin);
      if (isNew) announceKey('key.created', key, origin);
      return isNew;
    },
    async updateKey(id, changes, origin, precondition) {
      return announced('key.updated', await store.updateKey(id, changes, origin, precondition), origin);
    },
    async deleteKey(id, origin, precondition) {
      return announced('key.deleted', await store.deleteKey(id, origin, precondition), origin);
    },
    async rotateKey(id, successor, oldExpiresAt, origin, precondition) {
      return announced('key.rotated', await store.rotateKey(id, successor, oldExpiresAt, origin, precondition), origin);
    },
    async exposeKey(id, exposure, origin, precondition) {
      return announced('key.exposed', await store.exposeKey(id, exposure, origin, precondition), origin);
    },
    async setProject(workspaceId, projectId, features, origin) {
      const record = await store.setProject(workspaceId, projectId, features, origin);
      announce('project.configured', { target: projectId, name: null, workspaceId }, origin);
      return record;
    },
    async clearProject(workspaceId, projectId, origin) {
      const existed = await store.clearProject(workspaceId, projectId, origin);
      if (existed) announce('project.cleared', { target: projectId, name: null, workspaceId }, origin);
      return existed;
    },
  };
}
