import { useApp } from '../context';
import { Group } from '../ui/field';

export interface PermissionsFieldProps {
  readonly id: string;
  readonly selected: readonly string[];
  readonly error: string | undefined;
  onChange(selected: string[]): void;
}

export function PermissionsField({ id, selected, error, onChange }: PermissionsFieldProps) {
  const { permissions } = useApp();
  function toggle(name: string): void {
    const chosen = selected.includes(name) ? selected.filter((other) => other !== name) : [...selected, name];
    onChange(permissions.map((permission) => permission.name).filter((each) => chosen.includes(each)));
  }
  return (
    <Group legend="Permissions" id={id} error={error}>
      <ul class="options">
        {permissions.map(({ name, label, description }) => (
          <li key={name}>
            <label>
              <input type="checkbox" checked={selected.includes(name)} onChange={() => toggle(name)} />
              <span>
                <strong>{label}</strong>
                {description && <span class="hint">{description}</span>}
              </span>
            </label>
          </li>
        ))}
      </ul>
    </Group>
  );
}
