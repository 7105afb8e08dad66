import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { asFailure, isAborted } from '../api/api-error';

export interface Option {
  readonly value: string;
  readonly label: string;
  readonly detail?: string | undefined;
}

export interface ComboboxProps {
  readonly label: string;
  readonly placeholder: string;
  readonly chosen: Option | null;
  /** What there is to choose from for a text. */
  search(text: string, signal: AbortSignal): Promise<readonly Option[]>;
  onChoose(option: Option): void;
}

const TYPING = 200;

interface Found {
  readonly options: readonly Option[];
  readonly said: string;
}

/** What a search finds while the list is open, once somebody has stopped typing for a moment. */
function useFound(open: boolean, text: string, search: ComboboxProps['search']): Found {
  const [found, setFound] = useState<Found>({ options: [], said: '' });
  const latest = useRef(search);
  latest.current = search;
  useEffect(() => {
    if (!open) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      latest.current(text.trim(), controller.signal).then(
        (options) => setFound({ options, said: options.length === 0 ? 'Nothing of that name' : '' }),
        (error: unknown) => {
          if (!controller.signal.aborted && !isAborted(error))
            setFound({ options: [], said: asFailure(error).message });
        },
      );
    }, TYPING);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [open, text]);
  return found;
}

/** One out of many, found by typing (ARIA Authoring Practices, combobox with a listbox). */
export function Combobox({ label, placeholder, chosen, search, onChoose }: ComboboxProps) {
  const id = useId();
  const [text, setText] = useState<string | null>(null);
  const [active, setActive] = useState(0);
  const open = text !== null;
  const { options, said } = useFound(open, text ?? '', search);
  const optionId = (index: number) => `${id}-${index}`;

  function choose(option: Option | undefined): void {
    if (option === undefined) return;
    setText(null);
    onChoose(option);
  }
  function move(step: number): void {
    if (!open) setText('');
    if (!open || options.length === 0) return;
    const next = (active + step + options.length) % options.length;
    setActive(next);
    document.getElementById(optionId(next))?.scrollIntoView({ block: 'nearest' });
  }
  function onKeyDown(event: KeyboardEvent): void {
    const act: Record<string, () => void> = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      ...(open && { Enter: () => choose(options[active]), Escape: () => setText(null) }),
    };
    const found = act[event.key];
    if (found === undefined) return;
    event.preventDefault();
    found();
  }

  return (
    <div class="combobox">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        role="combobox"
        dir="auto"
        autocomplete="off"
        spellcheck={false}
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={open && options.length > 0 ? optionId(active) : undefined}
        placeholder={placeholder}
        value={text ?? chosen?.label ?? ''}
        onFocus={(event) => event.currentTarget.select()}
        onClick={() => setText((now) => now ?? '')}
        onBlur={() => setText(null)}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div
        id={`${id}-list`}
        class="combobox-list"
        role="listbox"
        aria-label={label}
        hidden={!open || options.length === 0}
      >
        {options.map((option, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the input's, which keeps the focus.
          <div
            key={option.value}
            tabIndex={-1}
            id={optionId(index)}
            role="option"
            aria-selected={index === active}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(option)}
          >
            <bdi>{option.label}</bdi>
            {option.detail && <code>{option.detail}</code>}
          </div>
        ))}
      </div>
      <p class={open && said !== '' ? 'combobox-said' : 'visually-hidden'} role="status">
        {open ? said : ''}
      </p>
    </div>
  );
}
