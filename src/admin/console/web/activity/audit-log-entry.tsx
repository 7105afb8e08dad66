import type { AuditEntry, Key, KnownAction } from '../api/types';
import { useApp } from '../context';
import { agentName, exactTime, metadataText, ownerText } from '../format';
import { rateLimitText } from '../keys/rate-limit-text';
import { hrefOf } from '../page-route';
import { Icon, type IconName } from '../ui/icon';
import { RelativeTime } from '../ui/relative-time';

type OwnerOf = NonNullable<Key['owner']>;
type Metadata = Key['metadata'];

type ActionText = { readonly label: string; readonly verb: string; readonly icon: IconName };

export const ACTIONS: Readonly<Record<KnownAction, ActionText>> = {
  'key.created': { label: 'Key created', verb: 'created the key', icon: 'plus' },
  'key.updated': { label: 'Key changed', verb: 'changed the key', icon: 'pencil' },
  'key.rotated': { label: 'Key rotated', verb: 'rotated the key', icon: 'rotate' },
  'key.deleted': { label: 'Key deleted', verb: 'deleted the key', icon: 'trash' },
  'key.exposed': { label: 'Key exposed', verb: 'reported a leaked token of the key', icon: 'warning' },
  'project.configured': { label: 'Project configured', verb: 'configured the project', icon: 'sliders' },
  'project.cleared': { label: 'Project cleared', verb: 'cleared the configuration of', icon: 'sliders' },
};

/** Of an action of a later version of keyscope: its name. */
function actionText(action: string): ActionText {
  return Object.hasOwn(ACTIONS, action)
    ? ACTIONS[action as KnownAction]
    : { label: action, verb: `recorded ${action} for`, icon: 'pencil' };
}

const FIELDS: Readonly<Record<string, string>> = {
  name: 'Name',
  agents: 'Agents',
  permissions: 'Permissions',
  allowedIps: 'Allowed addresses',
  rateLimit: 'Rate limits',
  environment: 'Environment',
  owner: 'Owner',
  contact: 'Contact',
  metadata: 'Metadata',
  expiresAt: 'Expires',
  disabled: 'Disabled',
  rotatedFrom: 'Replaces',
  rotatedTo: 'Replaced by',
  exposure: 'Found',
  transcript: 'Transcript',
  metrics: 'Metrics',
};

/** Names of agents and labels of permissions, by their ids. */
type NameOf = (field: string, id: string) => string;

interface Exposure {
  readonly source: string;
  readonly url: string | null;
}

function exposureText({ source, url }: Exposure): string {
  return url === null ? source : `${source}: ${url}`;
}

/** A value of a field as text. */
function valueText(field: string, value: unknown, nameOf: NameOf): string {
  if (field === 'rateLimit') return rateLimitText(value as Key['rateLimit']) || 'defaults of the app';
  if (value === null && field === 'expiresAt') return 'never';
  if (value === null || value === undefined) return 'none';
  if (value === true) return field === 'disabled' ? 'yes' : 'on';
  if (value === false) return field === 'disabled' ? 'no' : 'off';
  if (value === 'all') return 'all';
  if (Array.isArray(value))
    return value.length === 0
      ? field === 'allowedIps'
        ? 'any'
        : 'none'
      : value.map((id) => nameOf(field, String(id))).join(', ');
  if (field === 'exposure') return exposureText(value as Exposure);
  if (field === 'owner') return ownerText(value as OwnerOf);
  if (typeof value === 'object') return metadataText(value as Metadata) || 'none';
  if (field === 'expiresAt') return exactTime(String(value));
  return String(value);
}

/**
 * True if a field needs no line: it has not changed, or, in a creation or deletion, it is the name, which is in the
 * sentence, or a default.
 */
function isOmitted(field: string, { before, after }: AuditEntry): boolean {
  if (before !== null && after !== null) return JSON.stringify(before[field]) === JSON.stringify(after[field]);
  const value = (before ?? after)?.[field];
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return (
    field === 'name' ||
    (value === null && field !== 'expiresAt') ||
    isEmpty ||
    (field === 'disabled' && value === false)
  );
}

function Changes({ entry }: { readonly entry: AuditEntry }) {
  const { agents, permissions } = useApp();
  const { before, after } = entry;
  const nameOf: NameOf = (field, id) => {
    if (field === 'agents') return agentName(id, agents);
    if (field === 'permissions') return permissions.find(({ name }) => name === id)?.label ?? id;
    return id;
  };
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter(
    (field) => !isOmitted(field, entry),
  );
  if (fields.length === 0) return null;
  return (
    <dl class="diff">
      {fields.map((field) => (
        <div key={field}>
          <dt>{FIELDS[field] ?? field}</dt>
          <dd>
            {before && field in before && <del>{valueText(field, before[field], nameOf)}</del>}
            {before && after && field in before && field in after && ' → '}
            {after && field in after && <ins>{valueText(field, after[field], nameOf)}</ins>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function AuditLogEntry({ entry }: { readonly entry: AuditEntry }) {
  const { agents } = useApp();
  const { verb, icon } = actionText(entry.action);
  const isKey = entry.action.startsWith('key.');
  const name = isKey ? (entry.name ?? entry.target) : agentName(entry.target, agents);
  const href = isKey ? hrefOf('key', { key: entry.target }) : hrefOf('activity', { target: entry.target });
  return (
    <li class="entry">
      <span class="entry-icon">
        <Icon name={icon} />
      </span>
      <div>
        <p>
          <strong>
            <bdi>{entry.actor ?? 'Unknown operator'}</bdi>
          </strong>{' '}
          {verb}{' '}
          <a href={href}>
            <bdi>{name}</bdi>
          </a>
        </p>
        <Changes entry={entry} />
        <p class="muted">
          <RelativeTime time={entry.at} />, {exactTime(entry.at)}
          {entry.source !== null && <> from {entry.source}</>}
        </p>
      </div>
    </li>
  );
}
