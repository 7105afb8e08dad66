import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { asFailure, type Failure, isAborted } from './api/api-error';

export interface Loaded<T> {
  /** What was read last; kept while it is read again, and where that fails. */
  readonly data: T | undefined;
  readonly failure: Failure | null;
  readonly loading: boolean;
  reload(): void;
  /** Puts right what was read, once it has been changed there. */
  replace(change: (data: T) => T): void;
}

/** Reads something when it is first needed and whenever `what` changes. An earlier answer never replaces a later one. */
export function useLoad<T>(what: string, read: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ data?: T; failure: Failure | null; loading: boolean }>({
    failure: null,
    loading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(read);
  latest.current = read;

  // `what` says what is read, and `turn` that it is read again.
  useEffect(() => {
    const controller = new AbortController();
    setState((now) => ({ ...now, loading: true }));
    latest.current(controller.signal).then(
      (data) => {
        if (!controller.signal.aborted) setState({ data, failure: null, loading: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted || isAborted(error)) return;
        setState((now) => ({ ...now, failure: asFailure(error), loading: false }));
      },
    );
    return () => controller.abort();
  }, [what, turn]);

  const reload = useCallback(() => setTurn((now) => now + 1), []);
  const replace = useCallback((change: (data: T) => T) => {
    setState((now) => (now.data === undefined ? now : { ...now, data: change(now.data) }));
  }, []);
  return { data: state.data, failure: state.failure, loading: state.loading, reload, replace };
}
