import type { Agent, Key, Usage } from '../api/types';
import { useApp } from '../context';
import { agentName, counted, dateOf, describeAgents, exactTime, expiryOf, relativeTime } from '../format';
import { hrefOf } from '../page-route';
import { CopyButton } from '../ui/copy-button';
import { Icon } from '../ui/icon';
import { RelativeTime } from '../ui/relative-time';
import { Sparkline } from '../ui/sparkline';
import { KeyBadges } from './key-badges';
import { KeyMenu } from './key-menu';
import type { KeyTask } from './use-task';

export interface KeyRowProps {
  readonly item: Key;
  /** Undefined while it is loading. */
  readonly usage: Usage | undefined;
  onTask(task: KeyTask): void;
}

function Permissions({ names }: { readonly names: readonly string[] }) {
  const { permissions } = useApp();
  const labels = names.map((name) => permissions.find((permission) => permission.name === name)?.label ?? name);
  return (
    <span class="one-line" title={labels.join('\n')}>
      <span class="chip">{labels[0]}</span>
      {labels.length > 1 && (
        <>
          {' '}
          <span class="chip">
            +{labels.length - 1}
            <span class="visually-hidden">: {labels.slice(1).join(', ')}</span>
          </span>
        </>
      )}
    </span>
  );
}

/** Several agents by their number, because the column has room for one name. */
function describeRowAgents(scope: Key['agents'], agents: readonly Agent[]): string {
  return scope === 'all' || scope.length === 1 ? describeAgents(scope, agents) : counted(scope.length, 'agent');
}

/** The date of expiry. If it is past or soon, the distance also. */
function ExpiryDate({ item }: { readonly item: Key }) {
  const { expiresAt } = item;
  if (expiresAt === null) return <span class="expiry later">Never</span>;
  const expiry = expiryOf(item);
  return (
    <time class={`expiry ${expiry}`} dateTime={expiresAt} title={exactTime(expiresAt)}>
      {dateOf(expiresAt)}
      {expiry !== 'later' && <span class="distance"> {relativeTime(expiresAt)}</span>}
    </time>
  );
}

function LastUsed({ usage }: { readonly usage: Usage | undefined }) {
  if (usage === undefined) return <span class="muted">…</span>;
  return usage.lastUsedAt === null ? <span class="muted">Never</span> : <RelativeTime time={usage.lastUsedAt} />;
}

export function KeyRow({ item, usage, onTask }: KeyRowProps) {
  const { session, agents } = useApp();
  const scope =
    item.agents === 'all' ? undefined : item.agents.map((id) => `${agentName(id, agents)} (${id})`).join('\n');
  return (
    // Explicit roles, because narrow screens show rows as blocks, which browsers do not treat as a table.
    <tr role="row" data-key={item.id}>
      <th scope="row" role="rowheader" class="cell-name">
        <span class="one-line">
          <a href={hrefOf('key', { key: item.id })} title={item.name} key={item.name}>
            <bdi>{item.name}</bdi>
          </a>{' '}
          <KeyBadges item={item} />
        </span>
      </th>
      <td role="cell" class="cell-masked">
        <span class="one-line">
          <code>{item.masked}</code>
          <CopyButton text={item.masked} label={`Copy the masked token of ${item.name}`} />
        </span>
      </td>
      <td role="cell" class="cell-permissions" data-label="Permissions">
        <Permissions names={item.permissions} />
      </td>
      <td role="cell" class="cell-agents" data-label="Agents">
        <span class="one-line" title={scope}>
          <bdi>{describeRowAgents(item.agents, agents)}</bdi>
        </span>
      </td>
      <td role="cell" class="cell-expires" data-label="Expires">
        <ExpiryDate item={item} />
      </td>
      <td role="cell" class="cell-used" data-label="Last used">
        <LastUsed usage={usage} />
      </td>
      <td role="cell" class="cell-usage">
        {usage && usage.lastUsedAt !== null && <Sparkline usage={usage} />}
      </td>
      <td role="cell" class="cell-actions">
        {!session.readOnly && (
          <button
            type="button"
            class="icon-button"
            aria-label={`Edit ${item.name}`}
            title={`Edit ${item.name}`}
            onClick={() => onTask({ kind: 'edit', item })}
          >
            <Icon name="pencil" />
          </button>
        )}
        <KeyMenu item={item} onTask={onTask} />
      </td>
    </tr>
  );
}
