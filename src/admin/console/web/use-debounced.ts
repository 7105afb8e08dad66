import { useEffect, useState } from 'preact/hooks';

const DEBOUNCE_MS = 250;

/**
 * A text input whose value is reported when typing has paused. A value that comes from outside, such as from the URL,
 * replaces the text.
 */
export function useDebounced(value: string, onSettled: (text: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  // Only typing starts the timer, so the text is the only dependency.
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => onSettled(text.trim()), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return [text, setText];
}
