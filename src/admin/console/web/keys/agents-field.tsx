import type { Agents } from '../api/types';
import { useApp } from '../context';
import { Group } from '../ui/field';
import { MultiChoice } from '../ui/multi-choice';

export interface AgentsFieldProps {
  readonly id: string;
  readonly value: Agents;
  readonly error: string | undefined;
  onChange(value: Agents): void;
}

export function AgentsField({ id, value, error, onChange }: AgentsFieldProps) {
  const { agents, session } = useApp();
  const choices = agents.map((agent) => ({ value: agent.id, label: agent.name }));
  return (
    <Group legend="Agents" id={id} error={error} hint="Agents that the key can access. You cannot change them later.">
      <div class="segments">
        <label>
          <input type="radio" name={id} checked={value === 'all'} onChange={() => onChange('all')} />
          <span>All agents</span>
        </label>
        <label>
          <input type="radio" name={id} checked={value !== 'all'} onChange={() => onChange([])} />
          <span>Chosen agents</span>
        </label>
      </div>
      {value === 'all' ? (
        <p class="hint">Includes agents that are created later.</p>
      ) : (
        <MultiChoice
          choices={choices}
          selected={value}
          noun="agent"
          allowsOthers={session.allowsOtherAgents !== false}
          onChange={onChange}
        />
      )}
    </Group>
  );
}
