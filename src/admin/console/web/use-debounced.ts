import { useEffect, useRef, useState } from 'preact/hooks';

const DEBOUNCE_MS = 250;

/**
 * A text input whose value is reported when typing has paused. A value that comes from outside, such as from the URL,
 * replaces the text.
 */
export function useDebounced(value: string, onSettled: (text: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(value);
  // The text may have gone on before the value that it settled on comes back.
  const known = useRef(value);
  useEffect(() => {
    if (value !== known.current) setText(value);
    known.current = value;
  }, [value]);
  // Only typing starts the timer, so the text is the only dependency.
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => {
      known.current = text.trim();
      onSettled(known.current);
    }, DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return [text, setText];
}
