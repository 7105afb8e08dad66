import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icon';

export interface MenuItem {
  readonly label: string;
  readonly icon: IconName;
  readonly danger?: boolean;
  /** A link, or a function. */
  readonly act: string | (() => void);
}

export interface MenuProps {
  readonly label: string;
  readonly items: readonly MenuItem[];
}

/** Distance to the button and to the edges of the window, in pixels. */
const GAP = 4;

/** Places the list below the button, or above it if there is more room, and inside the window. */
function place(list: HTMLElement, button: HTMLElement): void {
  const anchor = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = list;
  const below = anchor.bottom + GAP;
  const fitsBelow = below + height <= innerHeight - GAP;
  const top = fitsBelow ? below : Math.max(GAP, Math.min(anchor.top - GAP - height, innerHeight - GAP - height));
  const left = Math.max(GAP, Math.min(anchor.right - width, innerWidth - GAP - width));
  list.style.top = `${top}px`;
  list.style.left = `${left}px`;
}

/** A button that opens a menu (ARIA Authoring Practices, menu button). */
export function Menu({ label, items }: MenuProps) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);

  const entries = () => [...(list.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
  function focusEntry(index: number): void {
    const all = entries();
    all[(index + all.length) % all.length]?.focus();
  }

  useLayoutEffect(() => {
    if (!open || list.current === null || button.current === null) return;
    place(list.current, button.current);
    focusEntry(0);
  }, [open]);
  useEffect(() => {
    if (!open) return;
    const close = () => setOpen(false);
    function closeFrom(event: Event): void {
      if (event.target instanceof Node && !root.current?.contains(event.target)) close();
    }
    addEventListener('pointerdown', closeFrom);
    addEventListener('resize', close);
    // The list does not move with its button.
    addEventListener('scroll', close, { capture: true, passive: true });
    return () => {
      removeEventListener('pointerdown', closeFrom);
      removeEventListener('resize', close);
      removeEventListener('scroll', close, { capture: true });
    };
  }, [open]);

  function close(): void {
    setOpen(false);
    // A dialog that opens next returns the focus to the element that has it now.
    button.current?.focus();
  }
  function moveByKey(event: KeyboardEvent): void {
    const all = entries();
    const current = all.indexOf(document.activeElement as HTMLElement);
    const moves: Record<string, () => void> = {
      ArrowDown: () => focusEntry(current + 1),
      ArrowUp: () => focusEntry(current - 1),
      Home: () => focusEntry(0),
      End: () => focusEntry(-1),
      Escape: close,
    };
    const move = moves[event.key] ?? (/^\p{L}$/u.test(event.key) ? () => focusByLetter(event.key, current) : undefined);
    if (event.key === 'Tab') setOpen(false);
    if (move === undefined) return;
    event.preventDefault();
    move();
  }
  function focusByLetter(letter: string, current: number): void {
    const matches = (index: number) => items[index]?.label.toLowerCase().startsWith(letter.toLowerCase());
    const order = items.map((_, step) => (current + 1 + step) % items.length);
    const found = order.find(matches);
    if (found !== undefined) focusEntry(found);
  }
  function openByKey(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    setOpen(true);
  }

  return (
    <div class="menu" ref={root}>
      <button
        type="button"
        class="icon-button"
        ref={button}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen((now) => !now)}
        onKeyDown={openByKey}
      >
        <Icon name="dots" />
      </button>
      {open && (
        <div class="menu-list" id={id} role="menu" aria-label={label} tabIndex={-1} ref={list} onKeyDown={moveByKey}>
          {items.map(({ label: word, icon, danger, act }) =>
            typeof act === 'string' ? (
              <a key={word} role="menuitem" tabIndex={-1} href={act} onClick={() => setOpen(false)}>
                <Icon name={icon} />
                {word}
              </a>
            ) : (
              <button
                key={word}
                type="button"
                role="menuitem"
                tabIndex={-1}
                class={danger ? 'danger' : undefined}
                onClick={() => {
                  close();
                  act();
                }}
              >
                <Icon name={icon} />
                {word}
              </button>
            ),
          )}
        </div>
      )}
    </div>
  );
}
