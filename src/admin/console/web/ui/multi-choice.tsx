import { useId, useState } from 'preact/hooks';
import { counted } from '../format';
import { Button } from './button';

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export interface MultiChoiceProps {
  readonly choices: readonly Choice[];
  readonly selected: readonly string[];
  /** What is chosen, in one word: "agent", "metric". */
  readonly noun: string;
  readonly disabled?: boolean;
  onChange(selected: string[]): void;
}

/** More than that nobody reads; typing finds the others. */
const SHOWN = 100;

function matches({ value, label }: Choice, text: string): boolean {
  const wanted = text.toLowerCase();
  return value.toLowerCase().includes(wanted) || label.toLowerCase().includes(wanted);
}

/** Any number out of a list, and what is not on it. */
export function MultiChoice({ choices, selected, noun, disabled = false, onChange }: MultiChoiceProps) {
  const id = useId();
  const [text, setText] = useState('');
  const known = new Set(choices.map(({ value }) => value));
  const all = [...choices, ...selected.filter((value) => !known.has(value)).map((value) => ({ value, label: value }))];
  const found = all.filter((choice) => matches(choice, text));
  const typed = text.trim();
  const isNew = typed !== '' && !all.some(({ value }) => value === typed);

  function toggle(value: string): void {
    onChange(selected.includes(value) ? selected.filter((other) => other !== value) : [...selected, value]);
  }
  function add(): void {
    if (!selected.includes(typed)) onChange([...selected, typed]);
    setText('');
  }
  /** Enter chooses what was searched for; it does not send the form that this is part of. */
  function chooseByKey(event: KeyboardEvent): void {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    const [only, ...others] = found;
    if (typed === '') return;
    if (only !== undefined && others.length === 0) {
      toggle(only.value);
      setText('');
    } else if (isNew && found.length === 0) add();
  }

  return (
    <div class="multi">
      {!disabled && (
        <input
          type="search"
          class="multi-search"
          value={text}
          placeholder={`Find or add a${/^[aeiou]/.test(noun) ? 'n' : ''} ${noun}`}
          aria-label={`Find or add a${/^[aeiou]/.test(noun) ? 'n' : ''} ${noun}`}
          autocomplete="off"
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={chooseByKey}
        />
      )}
      <ul class="multi-list">
        {found.slice(0, SHOWN).map(({ value, label }, index) => (
          <li key={value}>
            <input
              type="checkbox"
              id={`${id}-${index}`}
              checked={selected.includes(value)}
              disabled={disabled}
              onChange={() => toggle(value)}
            />
            <label for={`${id}-${index}`}>
              <bdi>{label}</bdi>
              {label !== value && <code>{value}</code>}
            </label>
          </li>
        ))}
        {found.length > SHOWN && <li class="hint">and {counted(found.length - SHOWN, 'other')}: type to find them</li>}
        {found.length === 0 && !isNew && <li class="hint">There is no {noun} to choose from: type one to add it.</li>}
      </ul>
      {isNew && !disabled && (
        <Button icon="plus" onClick={add}>
          Add “<bdi>{typed}</bdi>”
        </Button>
      )}
      <p class="hint" aria-live="polite">
        {counted(selected.length, noun)} chosen
      </p>
    </div>
  );
}
