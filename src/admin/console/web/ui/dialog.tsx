import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

export interface DialogProps {
  readonly title: string;
  /** Called when the operator closes the dialog: by Escape, a gesture, or a button inside. */
  onDismiss(): void;
  readonly children: ComponentChildren;
  readonly wide?: boolean;
}

/** Element that gets the focus when no dialog is open. One dialog may follow another, and the last one returns it. */
let returnTo: Element | null = null;

/** Focuses the heading, if the element that had the focus is gone. */
function focusHeading(): void {
  document.querySelector<HTMLElement>('main h1')?.focus();
}

/** A modal dialog. Clicking beside it does not close it, so that a slip loses no input. */
export function Dialog({ title, onDismiss, children, wide = false }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();

  // A layout effect: the cleanup of an ordinary effect runs when the dialog is gone.
  useLayoutEffect(() => {
    const { activeElement } = document;
    const before = activeElement === document.body ? returnTo : activeElement;
    const dialog = ref.current;
    dialog?.showModal();
    return () => {
      dialog?.close();
      // The row from which it was opened may be removed next.
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
  /** Some browsers close it without a `cancel` event when Escape is pressed twice. */
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
