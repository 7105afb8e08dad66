import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icon';

/** Milliseconds for which something is said: time to read it twice. */
const SHOWN = 6000;

/** Something to say for a moment, and the place where it is said. */
export function useToasts() {
  const [text, setText] = useState('');
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const toast = useCallback((said: string) => {
    clearTimeout(timer.current);
    setText(said);
    timer.current = setTimeout(() => setText(''), SHOWN);
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);
  return { text, toast };
}

export function Toasts({ text }: { readonly text: string }) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {text !== '' && (
        <p class="toast">
          <Icon name="check" />
          <bdi>{text}</bdi>
        </p>
      )}
    </div>
  );
}
