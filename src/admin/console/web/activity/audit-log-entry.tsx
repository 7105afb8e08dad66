import type { AuditEntry } from '../api/types';
import { useApp } from '../context';
import { agentName, exactly } from '../format';
import { hrefOf } from '../page-route';
import { Icon, type IconName } from '../ui/icon';
import { When } from '../ui/relative-time';

type Action = AuditEntry['action'];

export const ACTIONS: Readonly<Record<Action, { label: string; did: string; icon: IconName }>> = {
  'key.created': { label: 'Key created', did: 'created the key', icon: 'plus' },
  'key.updated': { label: 'Key changed', did: 'changed the key', icon: 'pencil' },
  'key.rotated': { label: 'Key rotated', did: 'rotated the key', icon: 'rotate' },
  'key.deleted': { label: 'Key deleted', did: 'deleted the key', icon: 'trash' },
  'project.configured': { label: 'Project configured', did: 'configured the project', icon: 'sliders' },
  'project.cleared': { label: 'Project cleared', did: 'cleared the configuration of', icon: 'sliders' },
};

const FIELDS: Readonly<Record<string, string>> = {
  name: 'Name',
  agents: 'Agents',
  permissions: 'Permissions',
  expiresAt: 'Expiry',
  disabled: 'Disabled',
  rotatedFrom: 'In place of',
  rotatedTo: 'Replaced by',
  transcript: 'Transcript',
  metrics: 'Metrics',
};

/** A value of the trail, in words. */
function text(field: string, value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (value === true) return field === 'disabled' ? 'yes' : 'on';
  if (value === false) return field === 'disabled' ? 'no' : 'off';
  if (value === 'all') return 'all';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  if (field === 'expiresAt') return exactly(String(value));
  return String(value);
}

type Fields = AuditEntry['before'];

/** The name of what is new or gone stands in the sentence; that a new key is not disabled, nobody wonders. */
function goesWithoutSaying(field: string, before: Fields, after: Fields): boolean {
  if (before !== null && after !== null) return false;
  const value = (before ?? after)?.[field];
  return field === 'name' || value === null || (field === 'disabled' && value === false);
}

function Changes({ entry: { before, after } }: { readonly entry: AuditEntry }) {
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter(
    (field) => !goesWithoutSaying(field, before, after),
  );
  if (fields.length === 0) return null;
  return (
    <dl class="diff">
      {fields.map((field) => (
        <div key={field}>
          <dt>{FIELDS[field] ?? field}</dt>
          <dd>
            {before && field in before && <del>{text(field, before[field])}</del>}
            {before && after && field in before && field in after && ' → '}
            {after && field in after && <ins>{text(field, after[field])}</ins>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Entry({ entry }: { readonly entry: AuditEntry }) {
  const { agents } = useApp();
  const { did, icon } = ACTIONS[entry.action];
  const ofKey = entry.action.startsWith('key.');
  const name = ofKey ? (entry.name ?? entry.target) : agentName(entry.target, agents);
  return (
    <li class="entry">
      <span class="entry-icon">
        <Icon name={icon} />
      </span>
      <div>
        <p>
          <strong>
            <bdi>{entry.actor ?? 'Somebody'}</bdi>
          </strong>{' '}
          {did}{' '}
          <a href={hrefOf('activity', ofKey ? { key: entry.target } : { target: entry.target })}>
            <bdi>{name}</bdi>
          </a>
        </p>
        <Changes entry={entry} />
        <p class="muted">
          <When time={entry.at} />
          {entry.source !== null && <> from {entry.source}</>}
        </p>
      </div>
    </li>
  );
}
