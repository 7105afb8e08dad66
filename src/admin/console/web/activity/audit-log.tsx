import { useEffect, useState } from 'preact/hooks';
import * as calls from '../api/calls';
import type { AuditEntry } from '../api/types';
import { useApp } from '../context';
import { Button } from '../ui/button';
import { FailureNote } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { useAction } from '../use-action';
import { useLoad } from '../use-load';
import { Entry } from './audit-log-entry';

const PAGE = 30;

export interface Filters {
  readonly action: string;
  readonly actor: string;
  readonly target: string;
}

/** Who changed what, the newest first, as far as the filters let it. */
export function Trail({ filters }: { readonly filters: Filters }) {
  const { session } = useApp();
  const first = useLoad(JSON.stringify(filters), (signal) => calls.listAudit({ ...filters, limit: PAGE }, signal));
  const [more, setMore] = useState<{ entries: readonly AuditEntry[]; cursor: string | null } | null>(null);
  // What came after another first page does not belong to this.
  useEffect(() => setMore(null), [first.data]);
  const cursor = more ? more.cursor : (first.data?.cursor ?? null);
  const entries = [...(first.data?.entries ?? []), ...(more?.entries ?? [])];

  const older = useAction(async () => {
    const page = await calls.listAudit({ ...filters, limit: PAGE, cursor });
    setMore((now) => ({ entries: [...(now?.entries ?? []), ...page.entries], cursor: page.cursor }));
  });

  return (
    <>
      {first.failure && (
        <FailureNote
          what="The activity could not be read."
          failure={first.failure}
          signInUrl={session.signInUrl}
          onRetry={first.reload}
        />
      )}
      {!first.data && first.loading && <p class="loading">Loading activity …</p>}
      {entries.length > 0 && (
        <ul class={first.loading ? 'trail stale' : 'trail'} aria-busy={first.loading}>
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ul>
      )}
      {first.data && entries.length === 0 && !first.loading && (
        <div class="empty">
          <Icon name="activity" />
          <p>
            {cursor === null ? 'Nothing was changed that these filters let through.' : 'Nothing in the newest entries.'}
          </p>
        </div>
      )}
      {older.failure && (
        <FailureNote what="Older entries could not be read." failure={older.failure} signInUrl={session.signInUrl} />
      )}
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
