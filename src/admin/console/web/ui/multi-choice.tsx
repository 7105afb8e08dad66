import { counted } from '../format';
import { Combobox, type Option } from './combobox';
import { Icon } from './icon';

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export interface MultiChoiceProps {
  readonly choices: readonly Choice[];
  readonly selected: readonly string[];
  /** Noun for one choice: "agent", "metric". */
  readonly noun: string;
  readonly disabled?: boolean;
  /** True if values can be added that are not in `choices`. */
  readonly allowsOthers: boolean;
  onChange(selected: string[]): void;
}

/** Options in the list. Typing finds the rest. */
const SHOWN = 100;

function matches({ value, label }: Choice, text: string): boolean {
  const wanted = text.toLowerCase();
  return value.toLowerCase().includes(wanted) || label.toLowerCase().includes(wanted);
}

/** Any number of choices: the selected ones as chips, and a combobox to add more. */
export function MultiChoice({ choices, selected, noun, disabled = false, allowsOthers, onChange }: MultiChoiceProps) {
  const labelOf = (value: string) => choices.find((choice) => choice.value === value)?.label ?? value;
  const article = /^[aeiou]/.test(noun) ? 'an' : 'a';

  async function search(text: string): Promise<Option[]> {
    const found = choices
      .filter((choice) => !selected.includes(choice.value) && matches(choice, text))
      .slice(0, SHOWN)
      .map(({ value, label }) => ({ value, label, detail: label === value ? undefined : value }));
    const isNew = allowsOthers && text !== '' && ![...selected, ...choices.map(({ value }) => value)].includes(text);
    return isNew ? [...found, { value: text, label: `Add “${text}”` }] : found;
  }

  return (
    <div class="multi">
      {selected.length > 0 && (
        <ul class="chips" aria-label={`Chosen ${noun}s`}>
          {selected.map((value) => (
            <li key={value} class="chip" title={value}>
              <bdi>{labelOf(value)}</bdi>
              {!disabled && (
                <button
                  type="button"
                  aria-label={`Remove ${labelOf(value)}`}
                  onClick={() => onChange(selected.filter((other) => other !== value))}
                >
                  <Icon name="cross" />
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {!disabled && (
        <Combobox
          label={`Add ${article} ${noun}`}
          hidesLabel
          placeholder={`Add ${article} ${noun}`}
          chosen={null}
          stays
          omitted={selected}
          search={search}
          onChoose={({ value }) => onChange([...selected, value])}
        />
      )}
      <p class="hint" aria-live="polite" key={selected.length}>
        {selected.length === 0 ? `No ${noun}s chosen` : `${counted(selected.length, noun)} chosen`}
      </p>
    </div>
  );
}
