import type { ComponentChildren } from 'preact';
import type { Configuration, Key, Permission } from '../api/types';
import { useApp } from '../context';
import { agentName, exactly, listed } from '../format';
import type { KeyTask } from '../keys/key-dialogs';
import { hrefOf } from '../page-route';
import { Button } from '../ui/button';
import { Icon } from '../ui/icon';
import { generalObstacles, type KeyObstacle, splitMetrics } from './access-checks';

export interface VerdictsProps {
  readonly item: Key;
  readonly projectId: string;
  readonly configuration: Configuration;
  onTask(task: KeyTask): void;
}

function Answer({ yes, children }: { readonly yes: boolean; readonly children: ComponentChildren }) {
  return (
    <span class={yes ? 'answer yes' : 'answer no'}>
      <Icon name={yes ? 'check' : 'cross'} />
      <span>{children}</span>
    </span>
  );
}

interface ObstacleProps extends Omit<VerdictsProps, 'configuration'> {
  readonly code: KeyObstacle;
  /** Of the permission in question. */
  readonly label: string;
}

/** What stands in the way, in words, and what mends it. */
function Obstacle({ code, label, item, projectId, onTask }: ObstacleProps) {
  const { agents, session } = useApp();
  const mend = (word: string, task: KeyTask) =>
    !session.readOnly && <Button onClick={() => onTask(task)}>{word}</Button>;
  switch (code) {
    case 'expired_key':
      return (
        <li>
          <span>The key expired on {exactly(item.expiresAt)}. Expiry is fixed: make another key.</span>
          {mend('Create a key', { kind: 'create' })}
        </li>
      );
    case 'disabled_key':
      return (
        <li>
          <span>The key is disabled.</span>
          {mend('Enable the key', { kind: 'enable', item })}
        </li>
      );
    case 'agent_not_in_scope':
      return (
        <li>
          <span>
            The key does not reach <bdi>{agentName(projectId, agents)}</bdi>. Agents are fixed: make a key for this one.
          </span>
          {mend('Create a key', { kind: 'create' })}
        </li>
      );
    case 'permission_denied':
      return (
        <li>
          <span>The key lacks the permission “{label}”.</span>
          {mend('Edit the key', { kind: 'edit', item })}
        </li>
      );
  }
}

/** Roles are spelled out below, because narrow screens show rows as blocks, which browsers take for no table. */
const COLUMNS = ['1. The key', '2. The project', 'So it …'] as const;

interface FieldRowProps {
  readonly field: string;
  /** Which ones, where they have names. */
  readonly names?: string;
  readonly letIn: boolean;
  readonly enabled: boolean;
}

/** One field of one API: whether it comes out, or which of the two conditions stops it. */
function FieldRow({ field, names, letIn, enabled }: FieldRowProps) {
  const stops = [...(letIn ? [] : ['the key']), ...(enabled ? [] : ['the project'])];
  return (
    <tr role="row">
      <th scope="row" role="rowheader">
        {field}
        {names && <span class="hint">{names}</span>}
      </th>
      <td role="cell" data-label={COLUMNS[0]}>
        <Answer yes={letIn}>{letIn ? 'Let in' : 'Refused'}</Answer>
      </td>
      <td role="cell" data-label={COLUMNS[1]}>
        <Answer yes={enabled}>{enabled ? 'Enabled' : 'Not enabled'}</Answer>
      </td>
      <td role="cell" data-label={COLUMNS[2]}>
        <Answer yes={stops.length === 0}>
          <strong>{stops.length === 0 ? 'Comes out' : `Stopped by ${listed(stops)}`}</strong>
        </Answer>
      </td>
    </tr>
  );
}

interface ApiSectionProps extends VerdictsProps {
  readonly permission: Permission;
  /** Whether something stands before every API. */
  readonly refused: boolean;
}

function ApiSection({ permission: { name, label, description }, refused, ...props }: ApiSectionProps) {
  const { metrics: known } = useApp();
  const { transcript, metrics } = props.configuration;
  const permitted = props.item.permissions.includes(name);
  const letIn = permitted && !refused;
  const { out, kept } = splitMetrics(metrics, known);
  return (
    <section class="card verdict" data-permission={name}>
      <header>
        <div>
          <h2>{label}</h2>
          {description && <p class="muted">{description}</p>}
        </div>
        <Answer yes={letIn}>
          <strong>{letIn ? 'Requests are let in' : 'Requests are refused'}</strong>
        </Answer>
      </header>
      {!permitted && (
        <ul class="obstacles">
          <Obstacle code="permission_denied" label={label} {...props} />
        </ul>
      )}
      <table role="table">
        <thead role="rowgroup">
          <tr role="row">
            {['Field', ...COLUMNS].map((column) => (
              <th key={column} scope="col" role="columnheader">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          <FieldRow field="Transcript" letIn={letIn} enabled={transcript} />
          {out.length > 0 && metrics !== 'all' && (
            <FieldRow field="Metrics" names={out.join(', ')} letIn={letIn} enabled />
          )}
          <FieldRow
            field={metrics === 'all' || out.length === 0 ? 'All metrics' : 'Other metrics'}
            names={metrics === 'all' ? '' : kept.join(', ')}
            letIn={letIn}
            enabled={metrics === 'all'}
          />
        </tbody>
      </table>
    </section>
  );
}

export function Verdicts(props: VerdictsProps) {
  const { permissions, agents } = useApp();
  const { item, projectId, configuration } = props;
  const general = generalObstacles(item, projectId, Date.now());
  const closed = !configuration.transcript || configuration.metrics !== 'all';
  return (
    <>
      {general.length > 0 && (
        <ul class="obstacles general" aria-label="What keeps the key out of every API">
          {general.map((code) => (
            <Obstacle key={code} code={code} label="" {...props} />
          ))}
        </ul>
      )}
      {permissions.map((permission) => (
        <ApiSection key={permission.name} permission={permission} refused={general.length > 0} {...props} />
      ))}
      <p class="note-line">
        {closed && (
          <>
            <bdi>{agentName(projectId, agents)}</bdi>{' '}
            {configuration.configured
              ? 'does not enable everything.'
              : 'has no configuration: nothing is enabled.'}{' '}
          </>
        )}
        <a href={hrefOf('configuration', { project: projectId })}>Open the project’s configuration</a>
      </p>
      <p class="hint">
        Fields show where an API answers with conversations. Responses say so themselves, too: the header{' '}
        <code>Redacted</code> names what the project has not enabled.
      </p>
    </>
  );
}
