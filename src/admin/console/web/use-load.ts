import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, asApiError, isAborted } from './api/api-error';

export interface Loaded<T> {
  /** The latest data. It is kept while it is read again, and if that fails. */
  readonly data: T | undefined;
  readonly error: ApiError | null;
  readonly loading: boolean;
  reload(): void;
  /** Updates the data after a change on the server. */
  replace(change: (data: T) => T): void;
}

/** Reads data at first and whenever `key` changes. A late response never replaces a later one. */
export function useLoad<T>(key: string, read: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error: ApiError | null; loading: boolean }>({
    error: null,
    loading: true,
  });
  const [attempt, setAttempt] = useState(0);
  const latest = useRef(read);
  latest.current = read;

  useEffect(() => {
    const controller = new AbortController();
    setState((now) => ({ ...now, loading: true }));
    latest.current(controller.signal).then(
      (data) => {
        if (!controller.signal.aborted) setState({ data, error: null, loading: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted || isAborted(error)) return;
        setState((now) => ({ ...now, error: asApiError(error), loading: false }));
      },
    );
    return () => controller.abort();
  }, [key, attempt]);

  const reload = useCallback(() => setAttempt((now) => now + 1), []);
  const replace = useCallback((change: (data: T) => T) => {
    setState((now) => (now.data === undefined ? now : { ...now, data: change(now.data) }));
  }, []);
  return { data: state.data, error: state.error, loading: state.loading, reload, replace };
}
