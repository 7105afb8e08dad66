import * as calls from '../api/calls';
import type { Key } from '../api/types';
import { useApp } from '../context';
import { agentName } from '../format';
import { Combobox, type Option } from './combobox';

const SHOWN = 30;

function keyOption({ id, name, masked }: Key): Option {
  return { value: id, label: name, detail: masked };
}

/** Selects a key by its name or id. */
export function SelectKey({ chosen, onChoose }: { chosen: Key | undefined; onChoose(id: string): void }) {
  return (
    <Combobox
      label="Key"
      placeholder="Find a key by name or id"
      chosen={chosen ? keyOption(chosen) : null}
      pause={150}
      search={async (q, signal) => {
        const { keys } = await calls.listKeys({ q, sort: q === '' ? 'created' : 'name', limit: SHOWN }, signal);
        return keys.map(keyOption);
      }}
      onChoose={({ value }) => onChoose(value)}
    />
  );
}

/** Selects a project by its name or id. Other ids can be typed, unless the app has restricted them. */
export function SelectProject({ chosen, onChoose }: { chosen: string | undefined; onChoose(id: string): void }) {
  const { agents, session } = useApp();
  async function search(text: string): Promise<Option[]> {
    const wanted = text.toLowerCase();
    const found = agents
      .filter(({ id, name }) => id.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted))
      .slice(0, SHOWN)
      .map(({ id, name }) => ({ value: id, label: name, detail: id }));
    const isOther = session.allowsOtherAgents !== false && text !== '' && !agents.some(({ id }) => id === text);
    return isOther ? [...found, { value: text, label: text, detail: 'other id' }] : found;
  }
  return (
    <Combobox
      label="Project"
      placeholder="Find a project by name or id"
      chosen={chosen === undefined ? null : { value: chosen, label: agentName(chosen, agents) }}
      search={search}
      onChoose={({ value }) => onChoose(value)}
    />
  );
}
