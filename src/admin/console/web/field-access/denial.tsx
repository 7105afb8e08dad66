import type { Key } from '../api/types';
import { useApp } from '../context';
import { agentName, exactTime } from '../format';
import type { KeyTask } from '../keys/use-task';
import { Button } from '../ui/button';
import type { DenialCode } from './access-checks';

export interface DenialProps {
  readonly code: DenialCode;
  /** Label of the missing permission. */
  readonly label: string;
  readonly item: Key;
  readonly projectId: string;
  onTask(task: KeyTask): void;
}

/** A reason why requests are denied, and the button that fixes it. */
export function Denial({ code, label, item, projectId, onTask }: DenialProps) {
  const { agents, session } = useApp();
  const fix = (word: string, task: KeyTask) =>
    !session.readOnly && <Button onClick={() => onTask(task)}>{word}</Button>;
  switch (code) {
    case 'expired_key':
      return (
        <li>
          <span>The key expired{item.expiresAt && ` on ${exactTime(item.expiresAt)}`}. Create another key.</span>
          {fix('Create a key', { kind: 'create' })}
        </li>
      );
    case 'disabled_key':
      return (
        <li>
          <span>The key is disabled.</span>
          {fix('Enable the key', { kind: 'enable', item })}
        </li>
      );
    case 'agent_not_in_scope':
      return (
        <li>
          <span>
            The key has no access to <bdi>{agentName(projectId, agents)}</bdi>. Agents of a key are fixed: create
            another key.
          </span>
          {fix('Create a key', { kind: 'create' })}
        </li>
      );
    case 'permission_denied':
      return (
        <li>
          <span>The key lacks the permission “{label}”.</span>
          {fix('Edit the key', { kind: 'edit', item })}
        </li>
      );
  }
}
