import { useEffect, useState } from 'preact/hooks';
import * as calls from '../api/calls';
import type { AuditEntry } from '../api/types';
import { Button } from '../ui/button';
import { ErrorNotice, LoadError } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { Skeleton } from '../ui/skeleton';
import { useAction } from '../use-action';
import { useLoad } from '../use-load';
import { AuditLogEntry } from './audit-log-entry';

const PAGE_SIZE = 30;

export interface AuditFilters {
  readonly action: string;
  readonly actor: string;
  readonly target: string;
}

function emptyText(cursor: string | null, filters: AuditFilters): string {
  if (cursor !== null) return 'No entries match in the newest part of the log.';
  return filters.action || filters.actor || filters.target ? 'No entries match these filters.' : 'No changes yet.';
}

/** Entries of the audit log that match the filters, newest first. */
export function AuditLog({ filters }: { readonly filters: AuditFilters }) {
  const first = useLoad(JSON.stringify(filters), (signal) => calls.listAudit({ ...filters, limit: PAGE_SIZE }, signal));
  const [more, setMore] = useState<{ entries: readonly AuditEntry[]; cursor: string | null } | null>(null);
  // Older entries belong to the previous first page.
  useEffect(() => setMore(null), [first.data]);
  const cursor = more ? more.cursor : (first.data?.cursor ?? null);
  const entries = [...(first.data?.entries ?? []), ...(more?.entries ?? [])];

  const older = useAction(async () => {
    const page = await calls.listAudit({ ...filters, limit: PAGE_SIZE, cursor });
    setMore((now) => ({ entries: [...(now?.entries ?? []), ...page.entries], cursor: page.cursor }));
  });

  return (
    <>
      <LoadError title="The activity could not be read." of={first} />
      {!first.data && first.loading && <Skeleton label="Loading activity" />}
      {entries.length > 0 && (
        <ul class={first.loading ? 'entries stale' : 'entries'} aria-busy={first.loading}>
          {entries.map((entry) => (
            <AuditLogEntry key={entry.id} entry={entry} />
          ))}
        </ul>
      )}
      {first.data && entries.length === 0 && !first.loading && (
        <div class="empty">
          <Icon name="activity" />
          <p>{emptyText(cursor, filters)}</p>
        </div>
      )}
      {older.error && <ErrorNotice title="Older entries could not be read." error={older.error} />}
      {cursor !== null && (
        <nav class="pager" aria-label="More activity">
          <Button busy={older.busy} onClick={() => void older.run()}>
            Show older
          </Button>
        </nav>
      )}
    </>
  );
}
