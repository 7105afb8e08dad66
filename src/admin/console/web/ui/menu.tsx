import { useEffect, useRef } from 'preact/hooks';
import { Icon, type IconName } from './icon';

export interface MenuItem {
  readonly label: string;
  readonly icon: IconName;
  readonly danger?: boolean;
  /** A place in the page to go to, or something to do. */
  readonly act: string | (() => void);
}

/** A button that shows a few more. */
export function Menu({ label, items }: { readonly label: string; readonly items: readonly MenuItem[] }) {
  const ref = useRef<HTMLDetailsElement>(null);

  useEffect(() => {
    function closeFrom(event: Event): void {
      const menu = ref.current;
      if (menu?.open && event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
    }
    addEventListener('pointerdown', closeFrom);
    addEventListener('focusin', closeFrom);
    return () => {
      removeEventListener('pointerdown', closeFrom);
      removeEventListener('focusin', closeFrom);
    };
  }, []);

  function close(): void {
    const menu = ref.current;
    if (menu === null) return;
    menu.open = false;
    // What opens next returns the focus to where it was: to the button that stays.
    menu.querySelector('summary')?.focus();
  }
  function closeByKey(event: KeyboardEvent): void {
    if (event.key === 'Escape' && ref.current?.open) {
      event.preventDefault();
      close();
    }
  }

  return (
    <details class="menu" ref={ref} onKeyDown={closeByKey}>
      <summary class="icon-button" aria-label={label} title={label}>
        <Icon name="dots" />
      </summary>
      <ul>
        {items.map(({ label: word, icon, danger, act }) => (
          <li key={word}>
            {typeof act === 'string' ? (
              <a href={act} onClick={close}>
                <Icon name={icon} />
                {word}
              </a>
            ) : (
              <button
                type="button"
                class={danger ? 'danger' : undefined}
                onClick={() => {
                  close();
                  act();
                }}
              >
                <Icon name={icon} />
                {word}
              </button>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
