import type { RateLimits } from '../keys/rate-limit-text';
import { request } from './request';
import type {
  Agent,
  Agents,
  AuditPage,
  ChangedKeys,
  Configuration,
  Created,
  FailedWebhookPage,
  Key,
  KeyPage,
  LeakBody,
  LeakReport,
  Metrics,
  Permission,
  ReportSummary,
  Session,
  Sort,
  Usage,
  WebhookEndpoint,
} from './types';

/* The requests of the page, one function each. */

const keyPath = (id: string) => `keys/${encodeURIComponent(id)}`;
const configurationPath = (id: string) => `projects/${encodeURIComponent(id)}/configuration`;

export function getSession(): Promise<Session> {
  return request('session');
}
export async function getPermissions(): Promise<Permission[]> {
  return (await request<{ permissions: Permission[] }>('permissions')).permissions;
}
export async function getAgents(): Promise<Agent[]> {
  return (await request<{ agents: Agent[] }>('agents')).agents;
}
/** Metrics of a project, or without one those of all projects. */
export async function getMetrics(project?: string): Promise<string[]> {
  const query = project === undefined ? {} : { project };
  return (await request<{ metrics: string[] }>('metrics', { query })).metrics;
}

/** Conditions on keys, as in the URL of the page. */
export interface KeyFilters {
  readonly status?: string;
  readonly permission?: string;
  readonly agent?: string;
  readonly owner?: string;
  readonly environment?: string;
  /** `name=value`. */
  readonly metadata?: string;
  readonly createdBy?: string;
  readonly expiringWithin?: string;
  readonly unusedFor?: string;
}

/** Keys that a change of many keys is for. */
export interface KeySelection extends KeyFilters {
  readonly q?: string;
}

export interface KeyQuery extends KeySelection {
  readonly sort?: Sort;
  readonly limit?: number;
  readonly cursor?: string | null;
}
/** A page of keys. Pages on which a search has found nothing yet are skipped. */
export async function listKeys(query: KeyQuery, signal?: AbortSignal): Promise<KeyPage> {
  let { cursor } = query;
  for (;;) {
    const page: KeyPage = await request('keys', { query: { ...query, cursor }, ...(signal && { signal }) });
    if (page.keys.length > 0 || page.cursor === null) return page;
    cursor = page.cursor;
  }
}
/** A page with at least one key, unless there are none: with filters, a page that the server returns can be empty. */
export async function findKeys(query: KeyQuery, signal: AbortSignal): Promise<KeyPage> {
  let page = await listKeys(query, signal);
  while (page.keys.length === 0 && page.cursor !== null)
    page = await listKeys({ ...query, cursor: page.cursor }, signal);
  return page;
}
export function getKey(id: string): Promise<Key> {
  return request(keyPath(id));
}

/** Optional columns of a key. */
export interface KeyColumns {
  readonly allowedIps?: readonly string[];
  readonly rateLimit?: RateLimits;
  readonly owner?: Key['owner'];
  readonly contact?: string | null;
  readonly metadata?: Key['metadata'];
}

export interface NewKey extends KeyColumns {
  readonly name: string;
  readonly agents: Agents;
  readonly permissions: readonly string[];
  readonly expiresIn?: string | number;
  readonly expiresAt?: string | null;
}
export function createKey(body: NewKey, idempotencyKey: string): Promise<Created> {
  return request('keys', { method: 'POST', body, idempotencyKey });
}

export interface KeyChanges extends KeyColumns {
  readonly name?: string;
  readonly permissions?: readonly string[];
  readonly disabled?: boolean;
}
export function updateKey(id: string, body: KeyChanges, revision: number): Promise<Key> {
  return request(keyPath(id), { method: 'PATCH', body, revision });
}
export function deleteKey(id: string, revision: number): Promise<void> {
  return request(keyPath(id), { method: 'DELETE', revision });
}
/** Changes at most `limit` keys after a cursor, or counts them. */
export function changeKeys(
  change: 'delete' | 'disable',
  { cursor, ...body }: KeySelection & { dryRun?: boolean; limit: number; cursor: string | null },
): Promise<ChangedKeys> {
  const path = change === 'delete' ? 'keys/revoke-all' : 'keys/disable-all';
  return request(path, { method: 'POST', body: { ...body, ...(cursor !== null && { cursor }) } });
}
export function rotateKey(
  id: string,
  body: { overlap: string | number },
  revision: number,
  idempotencyKey: string,
): Promise<Created> {
  return request(`${keyPath(id)}/rotate`, { method: 'POST', body, revision, idempotencyKey });
}

/** Usage of the last 30 days, in the order of the ids. */
export async function getUsage(ids: readonly string[], signal?: AbortSignal): Promise<Usage[]> {
  if (ids.length === 0) return [];
  const query = { keys: ids.join(','), days: 30 };
  return (await request<{ usage: Usage[] }>('usage', { query, ...(signal && { signal }) })).usage;
}
export function getKeyUsage(id: string, days = 30): Promise<Usage> {
  return request(`${keyPath(id)}/usage`, { query: { days } });
}

export async function listConfigurations(): Promise<Configuration[]> {
  return (await request<{ projects: Configuration[] }>('projects')).projects;
}
export function getConfiguration(projectId: string): Promise<Configuration> {
  return request(configurationPath(projectId));
}
export function setConfiguration(
  projectId: string,
  body: { transcript: boolean; metrics: Metrics },
): Promise<Configuration> {
  return request(configurationPath(projectId), { method: 'PUT', body });
}
export function clearConfiguration(projectId: string): Promise<void> {
  return request(configurationPath(projectId), { method: 'DELETE' });
}

export interface AuditQuery {
  readonly action?: string;
  readonly actor?: string;
  readonly target?: string;
  readonly limit?: number;
  readonly cursor?: string | null;
}
export function listAudit(query: AuditQuery, signal?: AbortSignal): Promise<AuditPage> {
  return request('audit', { query: { ...query }, ...(signal && { signal }) });
}

export function reportLeak(body: LeakBody): Promise<LeakReport> {
  return request('leaks', { method: 'POST', body });
}

export async function listWebhookEndpoints(signal?: AbortSignal): Promise<WebhookEndpoint[]> {
  return (await request<{ endpoints: WebhookEndpoint[] }>('webhooks', { ...(signal && { signal }) })).endpoints;
}
export function listFailedWebhooks(
  query: { readonly limit: number; readonly cursor?: string | null },
  signal?: AbortSignal,
): Promise<FailedWebhookPage> {
  return request('webhooks/failed', { query, ...(signal && { signal }) });
}
export function replayWebhook(id: string): Promise<void> {
  return request(`webhooks/failed/${encodeURIComponent(id)}/replay`, { method: 'POST' });
}

export function getReports(days: number, signal?: AbortSignal): Promise<ReportSummary> {
  return request('reports', { query: { days }, ...(signal && { signal }) });
}
