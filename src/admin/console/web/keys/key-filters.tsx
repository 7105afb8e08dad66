import type { ComponentChildren } from 'preact';
import type { KeyFilters } from '../api/calls';
import { useApp } from '../context';
import { agentName } from '../format';
import type { Params } from '../page-route';
import { Button } from '../ui/button';
import { useDebounced } from '../use-debounced';

const STATUSES = [
  { value: 'active', label: 'Active' },
  { value: 'disabled', label: 'Disabled' },
  { value: 'expired', label: 'Expired' },
  { value: 'rotated', label: 'Rotated' },
];
const TIMES = ['7d', '30d', '90d'].map((value) => ({ value, label: `${value.slice(0, -1)} days` }));

/** Filters of the page, which are parameters of its URL. */
export const FILTER_LABELS = {
  status: 'Status',
  permission: 'Permission',
  agent: 'Agent',
  owner: 'Owner',
  environment: 'Environment',
  metadata: 'Metadata',
  createdBy: 'Created by',
  expiringWithin: 'Expires within',
  unusedFor: 'Unused for',
} as const satisfies Record<keyof KeyFilters, string>;
const NAMES = Object.keys(FILTER_LABELS) as (keyof KeyFilters)[];

/** The filters in the URL. */
export function filtersOf(params: Params): KeyFilters {
  return Object.fromEntries(NAMES.flatMap((name) => (params[name] ? [[name, params[name]]] : [])));
}

export const NO_FILTERS: Readonly<Record<string, undefined>> = Object.fromEntries(
  NAMES.map((name) => [name, undefined]),
);

interface Choice {
  readonly value: string;
  readonly label: string;
}

interface FieldProps {
  readonly label: string;
  readonly value: string | undefined;
  onChange(value: string): void;
}

function Labelled({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children.
    <label>
      <span>{label}</span>
      {children}
    </label>
  );
}

function Choose({ label, value = '', choices, onChange }: FieldProps & { readonly choices: readonly Choice[] }) {
  // A link can name another value.
  const isOther = value !== '' && !choices.some((choice) => choice.value === value);
  return (
    <Labelled label={label}>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">Any</option>
        {isOther && <option value={value}>{value}</option>}
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

function Type({ label, value = '', placeholder, onChange }: FieldProps & { readonly placeholder?: string }) {
  const [text, setText] = useDebounced(value, onChange);
  return (
    <Labelled label={label}>
      <input
        type="search"
        dir="auto"
        maxLength={200}
        placeholder={placeholder}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </Labelled>
  );
}

export interface KeyFiltersProps {
  readonly filters: KeyFilters;
  onChange(part: Record<string, string | undefined>): void;
}

/** Conditions on keys, all of which must hold. */
export function KeyFilterFields({ filters, onChange }: KeyFiltersProps) {
  const { agents, permissions } = useApp();
  const field = (name: keyof KeyFilters) => ({
    label: FILTER_LABELS[name],
    value: filters[name],
    onChange: (value: string) => onChange({ [name]: value }),
  });
  const agentChoices = [
    { value: 'all', label: 'All agents' },
    ...agents.map(({ id }) => ({ value: id, label: agentName(id, agents) })),
  ];
  return (
    <search class="toolbar filters" aria-label="Filters" id="key-filters">
      <Choose choices={STATUSES} {...field('status')} />
      <Choose choices={permissions.map(({ name, label }) => ({ value: name, label }))} {...field('permission')} />
      {agents.length > 0 ? (
        <Choose choices={agentChoices} {...field('agent')} />
      ) : (
        <Type placeholder="Id, or all" {...field('agent')} />
      )}
      <Type placeholder="user:u-17, or none" {...field('owner')} />
      <Type placeholder="live" {...field('environment')} />
      <Type placeholder="team=billing" {...field('metadata')} />
      <Type placeholder="name@example.com" {...field('createdBy')} />
      <Choose choices={TIMES} {...field('expiringWithin')} />
      <Choose choices={TIMES} {...field('unusedFor')} />
      {Object.keys(filters).length > 0 && <Button onClick={() => onChange(NO_FILTERS)}>Clear filters</Button>}
    </search>
  );
}
