import { systemClock } from '../../clock';
import { KeyscopeError } from '../../errors';
import { auditedChange, auditedFeatures, auditedKey, checkAuditId } from '../audit-entry';
import { applyExposure, auditedExposure } from '../exposure';
import { frozenKey, frozenProject } from '../freeze';
import { applyChanges } from '../key-fields';
import { Lease, timestampsOf } from '../lease';
import type { OutboxEvent } from '../outbox-store';
import type { KeyRecord, ProjectRecord } from '../records';
import type { AuditAction, ChangeListener, ChangeOrigin, MutationResult, Precondition, Store } from '../store';
import { createAliases } from './aliases';
import { createMemoryDeliveries } from './deliveries';
import { createMemoryExpiries } from './expiries';
import { LimitCounters } from './limit-counters';
import { MemoryOutbox } from './outbox';
import { createMemoryReports } from './reports';
import { UsageCounters } from './usage-counters';
import { Workspace, type WorkspaceOptions } from './workspace';

export type MemoryStoreOptions = Partial<WorkspaceOptions>;

const NO_PROJECTS: ReadonlyMap<string, ProjectRecord> = new Map();

/**
 * Creates a store in the memory of one process, for tests, demonstrations and apps that run once. Every change is made,
 * and the listeners are called, before the call returns. So the leases never end.
 */
export function createMemoryStore({
  auditLimit = 10_000,
  indexedMetadata = [],
  clock = systemClock,
}: MemoryStoreOptions = {}): Store {
  const keys = new Map<string, KeyRecord>();
  const workspaces = new Map<string, Workspace>();
  const listeners: ChangeListener[] = [];
  const usage = new UsageCounters(clock);
  const limits = new LimitCounters(clock);
  const outbox = new MemoryOutbox();

  function workspaceOf(workspaceId: string): Workspace {
    let workspace = workspaces.get(workspaceId);
    if (!workspace) {
      workspace = new Workspace({ auditLimit, indexedMetadata, clock });
      workspaces.set(workspaceId, workspace);
    }
    return workspace;
  }

  /** The record to mutate, or the reason why it must not be changed. */
  function find(id: string, precondition: Precondition): MutationResult {
    const key = keys.get(id);
    const isOther = (precondition.workspaceId ?? key?.workspaceId) !== key?.workspaceId;
    if (!key || isOther) return { ok: false, reason: 'not_found' };
    if (precondition.revision !== undefined && precondition.revision !== key.revision) {
      return { ok: false, reason: 'revision' };
    }
    return { ok: true, key };
  }

  /** Replaces `before` with `after`; null means no record. */
  function replaceKey(before: KeyRecord | null, after: KeyRecord | null): void {
    if (before) {
      workspaceOf(before.workspaceId).unindex(before);
      keys.delete(before.id);
    }
    if (after) {
      keys.set(after.id, after);
      workspaceOf(after.workspaceId).index(after);
    }
  }

  function notifyKeyChanged(id: string): void {
    for (const listener of listeners) listener.keyChanged(id);
  }

  function notifyProjectsChanged(workspaceId: string): void {
    for (const listener of listeners) listener.projectsChanged(workspaceId);
  }

  function addAuditEntry(
    workspaceId: string,
    origin: ChangeOrigin,
    entry: Pick<OutboxEvent, 'target' | 'name' | 'before' | 'after'> & { readonly action: AuditAction },
  ): void {
    const { at, actor, source } = origin;
    workspaceOf(workspaceId).audit.add({ at, actor, source, ...entry });
    const { action, ...rest } = entry;
    outbox.add({ type: action, at, workspaceId, actor, source, ...rest });
  }

  return {
    async ready() {},
    async close() {},

    async getKey(id) {
      return keys.get(id) ?? null;
    },

    async getCredential(id) {
      return keys.get(id) ?? null;
    },

    async getProjects(workspaceId) {
      return workspaces.get(workspaceId)?.projects ?? NO_PROJECTS;
    },

    async listKeys(query) {
      return (
        workspaces.get(query.workspaceId)?.list(query, keys, (id) => usage.lastUse(id)) ?? {
          keys: [],
          next: null,
          total: 0,
        }
      );
    },

    async listAudit(query) {
      checkAuditId(query.before);
      return workspaces.get(query.workspaceId)?.audit.list(query) ?? { entries: [], next: null };
    },

    async readAudit(range) {
      checkAuditId(range.from);
      return workspaces.get(range.workspaceId)?.audit.read(range) ?? [];
    },

    async lastAuditId(workspaceId) {
      return workspaces.get(workspaceId)?.audit.lastId ?? null;
    },

    async addUsage(source, deltas) {
      return usage.add(source, deltas, (id) => keys.has(id));
    },

    async readUsage(ids, since) {
      return usage.read(ids, since);
    },

    async leaseSlice(request) {
      return limits.lease(request);
    },

    async createKey(key, origin) {
      if (keys.has(key.id)) return false;
      const created = frozenKey(key);
      replaceKey(null, created);
      addAuditEntry(created.workspaceId, origin, {
        action: 'key.created',
        target: created.id,
        name: created.name,
        before: null,
        after: auditedKey(created),
      });
      notifyKeyChanged(created.id);
      return true;
    },

    async updateKey(id, changes, origin, precondition) {
      const found = find(id, precondition);
      if (!found.ok) return found;
      const { key } = found;
      const updated = frozenKey({
        ...applyChanges(key, changes),
        updatedAt: origin.at,
        revision: key.revision + 1,
      });
      const shown = auditedChange(key, updated);
      if (Object.keys(shown.after).length === 0) return found;
      replaceKey(key, updated);
      addAuditEntry(key.workspaceId, origin, { action: 'key.updated', target: id, name: key.name, ...shown });
      notifyKeyChanged(id);
      return { ok: true, key: updated };
    },

    async deleteKey(id, origin, precondition) {
      const found = find(id, precondition);
      if (!found.ok) return found;
      const { key } = found;
      replaceKey(key, null);
      usage.delete(id);
      addAuditEntry(key.workspaceId, origin, {
        action: 'key.deleted',
        target: id,
        name: key.name,
        before: auditedKey(key),
        after: null,
      });
      notifyKeyChanged(id);
      return found;
    },

    async rotateKey(id, successor, oldExpiresAt, origin, precondition) {
      const found = find(id, precondition);
      if (!found.ok) return found;
      const { key } = found;
      if (key.rotatedTo !== null) return { ok: false, reason: 'rotated' };
      if (keys.has(successor.id)) throw new KeyscopeError('conflict', "The new key's id is taken already.");
      const rotated = frozenKey({
        ...key,
        expiresAt: Math.min(key.expiresAt, oldExpiresAt ?? origin.at),
        revoked: key.revoked || oldExpiresAt === null,
        rotatedTo: successor.id,
        updatedAt: origin.at,
        revision: key.revision + 1,
      });
      replaceKey(key, rotated);
      replaceKey(null, frozenKey(successor));
      addAuditEntry(key.workspaceId, origin, {
        action: 'key.rotated',
        target: id,
        name: key.name,
        ...auditedChange(key, rotated),
      });
      notifyKeyChanged(id);
      notifyKeyChanged(successor.id);
      return { ok: true, key: rotated };
    },

    async exposeKey(id, exposure, origin, precondition) {
      const found = find(id, precondition);
      if (!found.ok) return found;
      const { key } = found;
      if (key.revoked) return { ok: false, reason: 'revoked' };
      const exposed = applyExposure(key, exposure, origin.at);
      const hasChanged = exposed !== key;
      if (hasChanged) replaceKey(key, exposed);
      addAuditEntry(key.workspaceId, origin, {
        action: 'key.exposed',
        target: id,
        name: key.name,
        ...auditedExposure(key, exposed, exposure),
      });
      notifyKeyChanged(id);
      return { ok: true, key: exposed };
    },

    async setProject(workspaceId, projectId, features, origin) {
      const workspace = workspaceOf(workspaceId);
      const before = workspace.projects.get(projectId);
      const project = frozenProject(projectId, features, origin.at);
      const after = auditedFeatures(project);
      if (before && JSON.stringify(auditedFeatures(before)) === JSON.stringify(after)) return before;
      workspace.projects = new Map(workspace.projects).set(projectId, project);
      addAuditEntry(workspaceId, origin, {
        action: 'project.configured',
        target: projectId,
        name: null,
        before: before ? auditedFeatures(before) : null,
        after,
      });
      notifyProjectsChanged(workspaceId);
      return project;
    },

    async clearProject(workspaceId, projectId, origin) {
      const workspace = workspaces.get(workspaceId);
      const before = workspace?.projects.get(projectId);
      if (!workspace || !before) return false;
      const projects = new Map(workspace.projects);
      projects.delete(projectId);
      workspace.projects = projects;
      addAuditEntry(workspaceId, origin, {
        action: 'project.cleared',
        target: projectId,
        name: null,
        before: auditedFeatures(before),
        after: null,
      });
      notifyProjectsChanged(workspaceId);
      return true;
    },

    ...createAliases((alias) => {
      for (const listener of listeners) listener.aliasChanged?.(alias);
    }),

    ...createMemoryDeliveries(),
    ...createMemoryReports(clock),
    ...createMemoryExpiries(keys, outbox),
    leadGroup: outbox.leadGroup,
    leaveGroup: outbox.leaveGroup,
    readGroup: outbox.readGroup,
    acknowledge: outbox.acknowledge,

    keyLease: () => Lease.FOREVER,
    projectsLease: () => Lease.FOREVER,
    aliasLease: () => Lease.FOREVER,
    answeredAt: () => timestampsOf(clock),
    confirmedAt: () => timestampsOf(clock),

    onChange(listener) {
      listeners.push(listener);
    },

    // There are no events: the process's own memory is neither down nor wrongly configured.
    onEvent() {},
    health: () => ({ mode: 'memory', ephemeral: true, nodes: [], lastError: null }),
  };
}
