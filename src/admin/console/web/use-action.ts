import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { asFailure, type Failure } from './api/api-error';

export interface Action<A extends unknown[]> {
  readonly busy: boolean;
  readonly failure: Failure | null;
  /** Does nothing while it is under way already. */
  run(...args: A): Promise<void>;
  forget(): void;
}

/** Something that is done on the server: whether it is under way, and how it failed. */
export function useAction<A extends unknown[]>(act: (...args: A) => Promise<void>): Action<A> {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const latest = useRef(act);
  latest.current = act;
  const running = useRef(false);
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);

  const run = useCallback(async (...args: A) => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setFailure(null);
    try {
      await latest.current(...args);
    } catch (error) {
      if (mounted.current) setFailure(asFailure(error));
    } finally {
      running.current = false;
      if (mounted.current) setBusy(false);
    }
  }, []);
  const forget = useCallback(() => setFailure(null), []);
  return { busy, failure, run, forget };
}
