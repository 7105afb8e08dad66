import type { ApiKeys, ExportedAuditRecord } from 'keyscope';
import type { Permission } from './api-keys';

/** Place outside Redis that keeps the audit log, such as a bucket or a table. */
export interface AuditArchive {
  /** Id of the last entry, and `head` of the last check; undefined at first. */
  readonly lastId: string | undefined;
  readonly head: string | undefined;
  append(entry: ExportedAuditRecord): Promise<void>;
  keepHead(head: string | null): Promise<void>;
}

/** Every night: checks the audit log from the last head on, and appends its new entries to the archive. */
export async function archiveAudit(apiKeys: ApiKeys<Permission>, archive: AuditArchive): Promise<void> {
  const { lastId, head: lastHead } = archive;
  const { ok, head, fault } = await apiKeys.audit.verify({ ...(lastHead !== undefined && { head: lastHead }) });
  if (!ok) throw new Error(`The audit log was changed: ${fault?.kind}`);
  for await (const entry of apiKeys.audit.export({ ...(lastId !== undefined && { since: lastId }) })) {
    await archive.append(entry);
  }
  await archive.keepHead(head);
}

/** If someone leaves: what would end, or with `confirmed`, the end of it. */
export async function endAccess(
  apiKeys: ApiKeys<Permission>,
  user: string,
  { actor, confirmed }: { readonly actor: string; readonly confirmed: boolean },
): Promise<readonly string[]> {
  const owner = { kind: 'user', id: user } as const;
  const { sample } = await apiKeys.keys.revokeAll({ owner }, { actor, dryRun: !confirmed });
  return sample.map(({ name }) => name);
}

/** Every month: disables keys that nothing has used for 90 days. Operators can enable them again. */
export async function disableUnused(apiKeys: ApiKeys<Permission>): Promise<readonly string[]> {
  const { sample } = await apiKeys.keys.disableAll({ unusedFor: '90d', status: 'active' }, { actor: 'monthly job' });
  return sample.map(({ name }) => name);
}

/** At each start in development and CI: the same token, and no second key. Never in production. */
export async function seedDevelopmentKey(apiKeys: ApiKeys<Permission>, token: string): Promise<void> {
  await apiKeys.keys.ensure({ token, name: 'development', permissions: ['calls'], agents: 'all' });
}
