import * as calls from '../api/calls';
import type { Key } from '../api/types';
import { useApp } from '../context';
import { agentName } from '../format';
import { Combobox, type Option } from './combobox';

const SHOWN = 30;

function keyOption({ id, name, masked }: Key): Option {
  return { value: id, label: name, detail: masked };
}

/** Chooses a key, by its name. */
export function KeyChooser({ chosen, onChoose }: { chosen: Key | undefined; onChoose(id: string): void }) {
  return (
    <Combobox
      label="Key"
      placeholder="Choose a key by its name"
      chosen={chosen ? keyOption(chosen) : null}
      search={async (q, signal) => {
        const { keys } = await calls.listKeys({ q, sort: q === '' ? 'created' : 'name', limit: SHOWN }, signal);
        return keys.map(keyOption);
      }}
      onChoose={({ value }) => onChoose(value)}
    />
  );
}

/** Chooses a project: one that the app has named, or any other by its id. */
export function ProjectChooser({ chosen, onChoose }: { chosen: string | undefined; onChoose(id: string): void }) {
  const { agents } = useApp();
  async function search(text: string): Promise<Option[]> {
    const wanted = text.toLowerCase();
    const found = agents
      .filter(({ id, name }) => id.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted))
      .slice(0, SHOWN)
      .map(({ id, name }) => ({ value: id, label: name, detail: id }));
    const isOther = text !== '' && !agents.some(({ id }) => id === text);
    return isOther ? [...found, { value: text, label: text, detail: 'by this id' }] : found;
  }
  return (
    <Combobox
      label="Project"
      placeholder="Choose a project by its name, or type its id"
      chosen={chosen === undefined ? null : { value: chosen, label: agentName(chosen, agents) }}
      search={search}
      onChoose={({ value }) => onChoose(value)}
    />
  );
}
