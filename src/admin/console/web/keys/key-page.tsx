import { Fragment } from 'preact';
import { AuditLog } from '../activity/audit-log';
import { UsageChart } from '../activity/usage-chart';
import { ApiError } from '../api/api-error';
import * as calls from '../api/calls';
import type { Key } from '../api/types';
import { useApp } from '../context';
import { agentName, exactTime, ownerText, relativeTime } from '../format';
import { changeParams, hrefOf, type Params } from '../page-route';
import { Button } from '../ui/button';
import { CopyButton } from '../ui/copy-button';
import { LoadError } from '../ui/error-notice';
import { PageHead } from '../ui/page-head';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../use-load';
import { KeyBadges } from './key-badges';
import { KeyDialogs } from './key-dialogs';
import { KeyMenu } from './key-menu';
import { rateLimitText } from './rate-limit-text';
import { useTask } from './use-task';

const RANGES = [7, 30, 90] as const;

/** Reads a key. Null if it is deleted: the audit log still has its changes. */
async function readKey(id: string): Promise<Key | null> {
  try {
    return await calls.getKey(id);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'key_not_found') return null;
    throw error;
  }
}

function KeyLink({ id }: { readonly id: string }) {
  return (
    <a href={hrefOf('key', { key: id })}>
      <code>{id}</code>
    </a>
  );
}

const EFFECTS = {
  revoke: 'The key was revoked.',
  disable: 'The key was disabled.',
  notify: 'The key was not changed.',
} as const;

/** The report of a leaked token. */
function ExposureFact({ exposure }: { readonly exposure: NonNullable<Key['exposure']> }) {
  const { at, source, url, policy } = exposure;
  return (
    <>
      <dt>Leak reported</dt>
      <dd>
        {exactTime(at)} by <bdi>{source}</bdi>. {EFFECTS[policy]}
      </dd>
      {url !== null && (
        <>
          <dt>Found at</dt>
          <dd>
            <bdi>{url}</bdi>
          </dd>
        </>
      )}
    </>
  );
}

function Facts({ item }: { readonly item: Key }) {
  const { agents, permissions } = useApp();
  const labelOf = (name: string) => permissions.find((each) => each.name === name)?.label ?? name;
  return (
    <dl class="facts columns">
      <dt>Id</dt>
      <dd>
        <code>{item.id}</code> <CopyButton text={item.id} label="Copy the id" />
      </dd>
      <dt>Token</dt>
      <dd>
        <code>{item.masked}</code>
      </dd>
      <dt>Permissions</dt>
      <dd>{item.permissions.map(labelOf).join(', ')}</dd>
      <dt>Agents</dt>
      <dd>
        <bdi>{item.agents === 'all' ? 'All agents' : item.agents.map((id) => agentName(id, agents)).join(', ')}</bdi>
      </dd>
      <dt>Rate limits</dt>
      <dd>{rateLimitText(item.rateLimit) || 'Defaults of the app'}</dd>
      <dt>Created</dt>
      <dd>
        {exactTime(item.createdAt)}
        {item.createdBy !== null && (
          <>
            {' by '}
            <bdi>{item.createdBy}</bdi>
          </>
        )}
      </dd>
      <dt>Expires</dt>
      <dd>{item.expiresAt === null ? 'Never' : `${exactTime(item.expiresAt)}, ${relativeTime(item.expiresAt)}`}</dd>
      {item.exposure && <ExposureFact exposure={item.exposure} />}
      {item.allowedIps.length > 0 && (
        <>
          <dt>Allowed addresses</dt>
          <dd>{item.allowedIps.join(', ')}</dd>
        </>
      )}
      {item.environment !== null && (
        <>
          <dt>Environment</dt>
          <dd>{item.environment}</dd>
        </>
      )}
      {item.owner !== null && (
        <>
          <dt>Owner</dt>
          <dd>
            <a href={hrefOf('keys', { owner: `${item.owner.kind}:${item.owner.id}` })} title="All keys of this owner">
              <bdi>{ownerText(item.owner)}</bdi>
            </a>
          </dd>
        </>
      )}
      {item.contact !== null && (
        <>
          <dt>Contact</dt>
          <dd>
            <a href={`mailto:${item.contact}`}>{item.contact}</a>
          </dd>
        </>
      )}
      {Object.entries(item.metadata).map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </Fragment>
      ))}
      {item.rotatedFrom !== null && (
        <>
          <dt>Replaces</dt>
          <dd>
            <KeyLink id={item.rotatedFrom} />
          </dd>
        </>
      )}
      {item.rotatedTo !== null && (
        <>
          <dt>Replaced by</dt>
          <dd>
            <KeyLink id={item.rotatedTo} />
          </dd>
        </>
      )}
    </dl>
  );
}

function UsageOf({ id, params }: { readonly id: string; readonly params: Params }) {
  const days = RANGES.find((range) => String(range) === params.days) ?? 30;
  const usage = useLoad(`usage ${id} ${days}`, () => calls.getKeyUsage(id, days));
  return (
    <section class="card" aria-labelledby="usage-title">
      <header>
        <h2 id="usage-title">Usage</h2>
        <fieldset class="segments small" aria-label="Days">
          {RANGES.map((range) => (
            <label key={range}>
              <input
                type="radio"
                name="days"
                checked={range === days}
                onChange={() => changeParams('key', { days: String(range) })}
              />
              <span>{range} days</span>
            </label>
          ))}
        </fieldset>
      </header>
      <LoadError title="The usage could not be read." of={usage} />
      {usage.data ? <UsageChart usage={usage.data} /> : usage.loading && <Skeleton label="Loading usage" />}
    </section>
  );
}

/** Everything about one key: its columns, usage and changes. */
export function KeyPage({ params }: { readonly params: Params }) {
  const { session } = useApp();
  const { key: id = '' } = params;
  const loaded = useLoad(`key ${id}`, () => readKey(id));
  const item = loaded.data?.id === id ? loaded.data : null;
  const { task, open, close } = useTask('key', params, item ? [item] : undefined);
  const isDeleted = loaded.data === null && !loaded.loading;

  function onChanged(_id: string, key: Key | null): void {
    loaded.replace(() => key);
  }
  return (
    <main>
      <p class="back">
        <a href={hrefOf('keys')}>← API keys</a>
      </p>
      <PageHead
        title={item?.name ?? (isDeleted ? 'Deleted key' : 'Key')}
        lead={item ? <KeyBadges item={item} /> : isDeleted ? `The key ${id} has been deleted.` : null}
      >
        {item && (
          <div class="page-actions">
            {!session.readOnly && (
              <Button icon="pencil" onClick={() => open({ kind: 'edit', item })}>
                Edit
              </Button>
            )}
            <KeyMenu item={item} onTask={open} />
          </div>
        )}
      </PageHead>
      <LoadError title="The key could not be read." of={loaded} />
      {loaded.data === undefined && loaded.loading && <Skeleton label="Loading the key" />}
      {item && <Facts item={item} />}
      {item && <UsageOf id={id} params={params} />}
      <h2 class="section">Changes</h2>
      {/* Read again after a change. */}
      <AuditLog key={item?.revision ?? 0} filters={{ action: '', actor: '', target: id }} />
      <KeyDialogs task={session.readOnly ? null : task} onEnd={close} onChanged={onChanged} onCreated={loaded.reload} />
    </main>
  );
}
