import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { asApiError, isAborted } from '../api/api-error';

export interface Option {
  readonly value: string;
  readonly label: string;
  readonly detail?: string | undefined;
}

export interface ComboboxProps {
  readonly label: string;
  /** True if only screen readers get the label. */
  readonly hidesLabel?: boolean;
  readonly placeholder: string;
  readonly chosen: Option | null;
  /** True if the list stays open after a choice. */
  readonly stays?: boolean;
  /** Values that are not listed, such as those that are chosen already. */
  readonly omitted?: readonly string[];
  /** Milliseconds without typing before a search. Default: it starts at once. */
  readonly pause?: number;
  /** Returns the options for a text. */
  search(text: string, signal: AbortSignal): Promise<readonly Option[]>;
  onChoose(option: Option): void;
}

interface Found {
  readonly options: readonly Option[];
  readonly message: string;
  /** The text that was searched for. Null before the first search. */
  readonly text: string | null;
}

/** The options for a text while the list is open. */
function useOptions(text: string | null, { search, omitted = [], pause = 0 }: ComboboxProps): Found {
  const [found, setFound] = useState<Found>({ options: [], message: '', text: null });
  const latest = useRef(search);
  latest.current = search;
  useEffect(() => {
    if (text === null) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      latest.current(text.trim(), controller.signal).then(
        (options) => setFound({ options, message: options.length === 0 ? 'No matches' : '', text }),
        (error: unknown) => {
          if (!controller.signal.aborted && !isAborted(error))
            setFound({ options: [], message: asApiError(error).message, text });
        },
      );
    }, pause);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, pause, omitted.join('\n')]);
  return { ...found, options: found.options.filter(({ value }) => !omitted.includes(value)) };
}

/** Chooses one option by typing (ARIA Authoring Practices, combobox with a listbox). */
export function Combobox(props: ComboboxProps) {
  const { label, hidesLabel = false, placeholder, chosen, stays = false, onChoose } = props;
  const id = useId();
  const [text, setText] = useState<string | null>(null);
  const [active, setActive] = useState(0);
  const open = text !== null;
  const { options, message, text: searched } = useOptions(text, props);
  const current = Math.min(active, options.length - 1);
  const optionId = (index: number) => `${id}-${index}`;

  function choose(option: Option | undefined): void {
    if (option === undefined) return;
    setText(stays ? '' : null);
    setActive(0);
    onChoose(option);
  }
  function move(step: number): void {
    if (!open) setText('');
    if (!open || options.length === 0) return;
    const next = (current + step + options.length) % options.length;
    setActive(next);
    document.getElementById(optionId(next))?.scrollIntoView({ block: 'nearest' });
  }
  function onKeyDown(event: KeyboardEvent): void {
    const act: Record<string, () => unknown> = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      // The list can still be of an earlier text: its first option is not the one that was typed.
      ...(open && { Enter: () => searched === text && choose(options[current]), Escape: () => setText(null) }),
    };
    const found = act[event.key];
    if (found === undefined) return;
    event.preventDefault();
    found();
  }

  return (
    <div class="combobox">
      <label for={id} class={hidesLabel ? 'visually-hidden' : undefined}>
        {label}
      </label>
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
        aria-activedescendant={open && options.length > 0 ? optionId(current) : undefined}
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
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the focus and handles the keys.
          <div
            key={option.value}
            tabIndex={-1}
            id={optionId(index)}
            role="option"
            aria-selected={index === current}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(option)}
          >
            <bdi>{option.label}</bdi>
            {option.detail && <code>{option.detail}</code>}
          </div>
        ))}
      </div>
      <p class={open && message !== '' ? 'combobox-message' : 'visually-hidden'} role="status">
        {open ? message : ''}
      </p>
    </div>
  );
}
