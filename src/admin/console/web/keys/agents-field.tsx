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
  const { agents } = useApp();
  const choices = agents.map((agent) => ({ value: agent.id, label: agent.name }));
  return (
    <Group
      legend="Agents"
      id={id}
      error={error}
      hint="Which agents the key reaches. This cannot be changed afterwards."
    >
      <ul class="options">
        <li>
          <label>
            <input type="radio" name={id} checked={value === 'all'} onChange={() => onChange('all')} />
            <span>
              <strong>All agents</strong>
              <span class="hint">Those that are made later, too.</span>
            </span>
          </label>
        </li>
        <li>
          <label>
            <input type="radio" name={id} checked={value !== 'all'} onChange={() => onChange([])} />
            <span>
              <strong>Chosen agents</strong>
              <span class="hint">Exactly these and no others.</span>
            </span>
          </label>
        </li>
      </ul>
      {value !== 'all' && <MultiChoice choices={choices} selected={value} noun="agent" onChange={onChange} />}
    </Group>
  );
}
