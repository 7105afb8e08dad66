import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

export interface DialogProps {
  readonly title: string;
  /** Somebody wants to close it: by Escape, by the gesture for it, or by a button inside. */
  onDismiss(): void;
  readonly children: ComponentChildren;
  readonly wide?: boolean;
}

/** What is to have the focus once no dialog is open: one may follow the other, and the last one gives it back. */
let returnTo: Element | null = null;

/** Where to go when what had the focus is no longer there. */
function focusHeading(): void {
  document.querySelector<HTMLElement>('main h1')?.focus();
}

/** A modal dialog. Clicking beside it does not close it: nothing typed is lost by a slip. */
export function Dialog({ title, onDismiss, children, wide = false }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();

  // Before the page is painted: the cleanup of an ordinary effect would come when the dialog is gone already.
  useLayoutEffect(() => {
    const { activeElement } = document;
    const before = activeElement === document.body ? returnTo : activeElement;
    const dialog = ref.current;
    dialog?.showModal();
    return () => {
      dialog?.close();
      // The row it was opened from may be about to go.
      returnTo = before;
      queueMicrotask(() => {
        if (document.querySelector('dialog[open]')) return;
        returnTo = null;
        if (before instanceof HTMLElement && before.isConnected && before !== document.body) before.focus();
        else focusHeading();
      });
    };
  }, []);

  function dismiss(event: Event): void {
    event.preventDefault();
    onDismiss();
  }
  function dismissByKey(event: KeyboardEvent): void {
    if (event.key === 'Escape' && !event.defaultPrevented) dismiss(event);
  }
  /** Some browsers close it without asking when Escape is pressed twice. */
  function reopen(event: Event): void {
    const dialog = ref.current;
    if (event.target !== dialog || dialog === null || !dialog.isConnected || dialog.open) return;
    dialog.showModal();
    onDismiss();
  }

  return (
    <dialog
      ref={ref}
      class={wide ? 'dialog wide' : 'dialog'}
      aria-labelledby={id}
      onCancel={dismiss}
      onClose={reopen}
      onKeyDown={dismissByKey}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}
