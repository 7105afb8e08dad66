import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icon';

/** Milliseconds, enough to read a message twice. */
const SHOWN_MS = 8000;

export interface Toast {
  readonly text: string;
  readonly undo?: (() => void) | undefined;
}

/** The current message, and a function that shows another. */
export function useToasts() {
  const [shown, setShown] = useState<Toast | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const close = useCallback(() => {
    clearTimeout(timer.current);
    setShown(null);
  }, []);
  const toast = useCallback(
    (text: string, undo?: () => void) => {
      clearTimeout(timer.current);
      setShown({ text, undo });
      timer.current = setTimeout(close, SHOWN_MS);
    },
    [close],
  );
  useEffect(() => close, [close]);
  return { shown, toast, close };
}

export function Toasts({ shown, onClose }: { readonly shown: Toast | null; onClose(): void }) {
  return (
    <div class="toasts">
      <div role="status" aria-live="polite">
        {shown && (
          <p class="toast" key={shown.text}>
            <Icon name="check" />
            <bdi>{shown.text}</bdi>
            {shown.undo && (
              <button
                type="button"
                onClick={() => {
                  onClose();
                  shown.undo?.();
                }}
              >
                Undo
              </button>
            )}
          </p>
        )}
      </div>
    </div>
  );
}
