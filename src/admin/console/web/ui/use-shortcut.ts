import { useEffect, useRef } from 'preact/hooks';

/** Calls a function when a key is pressed outside of inputs and dialogs, without modifiers. */
export function useShortcut(key: string, act: (() => void) | undefined): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent): void {
      const { target } = event;
      const isTyping = target instanceof HTMLElement && target.closest('input, textarea, select, [role=menu]') !== null;
      if (event.key !== key || isTyping || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
        return;
      if (latest.current === undefined || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      latest.current();
    }
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, [key]);
}
