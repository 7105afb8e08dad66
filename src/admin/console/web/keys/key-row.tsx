import type { Key, Usage } from '../api/types';
import { useApp } from '../context';
import { agentName, describeAgents, expiryOf } from '../format';
import { hrefOf } from '../page-route';
import { Button } from '../ui/button';
import { CopyButton } from '../ui/copy-button';
import { Menu, type MenuItem } from '../ui/menu';
import { When } from '../ui/relative-time';
import { Spark } from '../ui/sparkline';
import type { KeyTask } from './key-dialogs';
import { KeyBadges } from './key-name';

export interface KeyRowProps {
  readonly item: Key;
  /** Undefined while it is not known. */
  readonly usage: Usage | undefined;
  onTask(task: KeyTask): void;
}

function Permissions({ names }: { readonly names: readonly string[] }) {
  const { permissions } = useApp();
  return (
    <ul class="chips">
      {names.map((name) => {
        const known = permissions.find((permission) => permission.name === name);
        return (
          <li key={name} class="chip" title={known?.description ?? undefined}>
            {known?.label ?? name}
          </li>
        );
      })}
    </ul>
  );
}

function Expiry({ item }: { readonly item: Key }) {
  const expiry = expiryOf(item);
  const word = expiry === 'past' ? 'Expired' : 'Expires';
  return (
    <span class={`expiry ${expiry}`}>
      {word} <When time={item.expiresAt} />
    </span>
  );
}

function LastUsed({ usage }: { readonly usage: Usage | undefined }) {
  if (usage === undefined) return <span class="muted">Last used: not known yet</span>;
  return usage.lastUsedAt === null ? (
    <span class="muted">Never used</span>
  ) : (
    <span>
      Used <When time={usage.lastUsedAt} />
    </span>
  );
}

export function KeyRow({ item, usage, onTask }: KeyRowProps) {
  const { session, agents } = useApp();
  const scope =
    item.agents === 'all' ? undefined : item.agents.map((id) => `${agentName(id, agents)} (${id})`).join('\n');
  const reading: MenuItem[] = [
    { label: 'Activity and usage', icon: 'activity', act: hrefOf('activity', { key: item.id }) },
    { label: 'Why is a field missing?', icon: 'question', act: hrefOf('why', { key: item.id }) },
  ];
  const changing: MenuItem[] = [
    ...(item.rotatedTo === null
      ? [{ label: 'Rotate', icon: 'rotate', act: () => onTask({ kind: 'rotate', item }) } as const]
      : []),
    item.disabled
      ? { label: 'Enable', icon: 'play', act: () => onTask({ kind: 'enable', item }) }
      : { label: 'Disable', icon: 'pause', act: () => onTask({ kind: 'disable', item }) },
    { label: 'Delete', icon: 'trash', danger: true, act: () => onTask({ kind: 'delete', item }) },
  ];

  return (
    <li class="row" data-key={item.id}>
      <div class="row-name">
        <h3>
          <bdi>{item.name}</bdi>
          <KeyBadges item={item} />
        </h3>
        <p class="masked">
          <code>{item.masked}</code>
          <CopyButton text={item.masked} label={`Copy the masked key of ${item.name}`} />
        </p>
      </div>
      <div class="row-scope">
        <p title={scope}>
          <bdi>{describeAgents(item.agents, agents)}</bdi>
        </p>
        <Permissions names={item.permissions} />
      </div>
      <div class="row-times">
        <p>
          <Expiry item={item} />
        </p>
        <p class="muted">
          Created <When time={item.createdAt} />
          {item.createdBy !== null && (
            <>
              {' by '}
              <bdi>{item.createdBy}</bdi>
            </>
          )}
        </p>
      </div>
      <div class="row-use">
        {usage && usage.lastUsedAt !== null && <Spark usage={usage} />}
        <p>
          <LastUsed usage={usage} />
        </p>
      </div>
      <div class="row-actions">
        {!session.readOnly && (
          <Button icon="pencil" onClick={() => onTask({ kind: 'edit', item })}>
            Edit<span class="visually-hidden"> {item.name}</span>
          </Button>
        )}
        <Menu label={`More for ${item.name}`} items={session.readOnly ? reading : [...reading, ...changing]} />
      </div>
    </li>
  );
}
