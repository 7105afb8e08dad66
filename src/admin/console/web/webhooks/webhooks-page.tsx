import { useState } from 'preact/hooks';
import { ApiError } from '../api/api-error';
import * as calls from '../api/calls';
import type { FailedWebhook, WebhookEndpoint } from '../api/types';
import { useApp } from '../context';
import { agentName, counted } from '../format';
import { hrefOf } from '../page-route';
import { Button } from '../ui/button';
import { ErrorNotice, LoadError } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { PageHead } from '../ui/page-head';
import { RelativeTime } from '../ui/relative-time';
import { Skeleton } from '../ui/skeleton';
import { useAction } from '../use-action';
import { useLoad } from '../use-load';

const PAGE_SIZE = 30;

function Endpoints({ endpoints }: { readonly endpoints: readonly WebhookEndpoint[] }) {
  if (endpoints.length === 0) return <p class="hint">The app has configured no endpoint for this workspace.</p>;
  return (
    <ul class="endpoints">
      {endpoints.map(({ url, types }) => (
        <li key={url}>
          <code>{url}</code>
          <p class="muted">{types === null ? 'All events' : types.join(', ')}</p>
        </li>
      ))}
    </ul>
  );
}

function Target({ type, target }: Pick<FailedWebhook, 'type' | 'target'>) {
  const { agents } = useApp();
  const isKey = type.startsWith('key.');
  const href = isKey ? hrefOf('key', { key: target }) : hrefOf('activity', { target });
  return (
    <a href={href}>
      <bdi>{isKey ? target : agentName(target, agents)}</bdi>
    </a>
  );
}

interface FailedProps {
  readonly item: FailedWebhook;
  /** Called when the webhook is sent again, by this operator or by another. */
  onReplayed(): void;
}

function Failed({ item, onReplayed }: FailedProps) {
  const { session, toast } = useApp();
  const replay = useAction(async () => {
    try {
      await calls.replayWebhook(item.id);
      toast('The webhook is being sent again.');
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'not_found') throw error;
      toast('The webhook has been sent again already.');
    }
    onReplayed();
  });
  return (
    <li class="entry">
      <span class="entry-icon">
        <Icon name="warning" />
      </span>
      <div>
        <p>
          <strong>{item.type}</strong> <Target type={item.type} target={item.target} />
        </p>
        <p class="endpoint">
          <code>{item.url}</code>
        </p>
        <p class="muted">
          {item.lastError ?? 'Not sent'} After {counted(item.attempts, 'attempt')},{' '}
          <RelativeTime time={item.failedAt} />
        </p>
        {replay.error && <ErrorNotice title="The webhook was not sent again." error={replay.error} />}
      </div>
      {!session.readOnly && (
        <Button icon="send" busy={replay.busy} onClick={() => void replay.run()}>
          Send again
        </Button>
      )}
    </li>
  );
}

/** Webhooks that were given up, in pages that are added below. */
function FailedList() {
  const first = useLoad('failed', (signal) => calls.listFailedWebhooks({ limit: PAGE_SIZE }, signal));
  const [older, setOlder] = useState<readonly FailedWebhook[]>([]);
  const [replayed, setReplayed] = useState<ReadonlySet<string>>(new Set());
  const [next, setNext] = useState<string | null | undefined>(undefined);
  const cursor = next === undefined ? (first.data?.cursor ?? null) : next;
  const shown = [...(first.data?.webhooks ?? []), ...older].filter(({ id }) => !replayed.has(id));
  const more = useAction(async () => {
    const page = await calls.listFailedWebhooks({ limit: PAGE_SIZE, cursor });
    setOlder((now) => [...now, ...page.webhooks]);
    setNext(page.cursor);
  });
  return (
    <>
      <LoadError title="The webhooks could not be read." of={first} />
      {!first.data && first.loading && <Skeleton label="Loading webhooks" />}
      {shown.length > 0 && (
        <ul class="entries failed">
          {shown.map((item) => (
            <Failed key={item.id} item={item} onReplayed={() => setReplayed((now) => new Set([...now, item.id]))} />
          ))}
        </ul>
      )}
      {first.data && shown.length === 0 && cursor === null && (
        <div class="empty">
          <Icon name="check" />
          <p>Every webhook has been delivered, or is still being sent.</p>
        </div>
      )}
      {more.error && <ErrorNotice title="Older webhooks could not be read." error={more.error} />}
      {cursor !== null && (
        <nav class="pager" aria-label="More webhooks">
          <Button busy={more.busy} onClick={() => void more.run()}>
            Show older
          </Button>
        </nav>
      )}
    </>
  );
}

export function WebhooksPage() {
  const endpoints = useLoad('endpoints', (signal) => calls.listWebhookEndpoints(signal));
  return (
    <main>
      <PageHead
        title="Webhooks"
        lead="Changes of keys and projects, sent to the endpoints that the app has configured."
      />
      <h2 class="section">Endpoints</h2>
      <LoadError title="The endpoints could not be read." of={endpoints} />
      {!endpoints.data && endpoints.loading && <Skeleton label="Loading endpoints" lines={2} />}
      {endpoints.data && <Endpoints endpoints={endpoints.data} />}
      <h2 class="section">Not delivered</h2>
      <FailedList />
    </main>
  );
}
