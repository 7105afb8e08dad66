import { useEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, asApiError } from '../api/api-error';
import type { ChangedKeys, Key } from '../api/types';

export interface ChangeAllProgress {
  readonly state: 'idle' | 'running' | 'stopped' | 'done';
  readonly count: number;
  /** The first keys. */
  readonly sample: readonly Key[];
  readonly cursor: string | null;
  /** Why it stopped, unless the operator stopped it. */
  readonly error: ApiError | null;
  /** False if a request failed: the server may have changed more keys than are counted. */
  readonly isExact: boolean;
}

const SAMPLE = 20;
const NOTHING: ChangeAllProgress = {
  state: 'idle',
  count: 0,
  sample: [],
  cursor: null,
  error: null,
  isExact: true,
};

function add(before: ChangeAllProgress, { count, sample, cursor }: ChangedKeys): ChangeAllProgress {
  return {
    ...before,
    state: cursor === null ? 'done' : 'running',
    count: before.count + count,
    sample: [...before.sample, ...sample].slice(0, SAMPLE),
    cursor,
  };
}

/**
 * A change of many keys, or its dry run, as one request after the other. One that has stopped or failed goes on after the keys that
 * were changed.
 *
 * @param send Sends the request for the keys after a cursor.
 */
export function useChangeAll(send: (cursor: string | null) => Promise<ChangedKeys>) {
  const [progress, setProgress] = useState(NOTHING);
  const [isStopping, setStopping] = useState(false);
  const latest = useRef(send);
  latest.current = send;
  /** The run in progress. Another one replaces it. */
  const current = useRef<{ stops: boolean } | null>(null);

  function cancel(): void {
    current.current = null;
  }
  useEffect(() => cancel, []);

  async function run(from: ChangeAllProgress): Promise<void> {
    const mine = { stops: false };
    current.current = mine;
    setStopping(false);
    let now: ChangeAllProgress = { ...from, state: 'running', error: null };
    setProgress(now);
    while (now.state === 'running' && !mine.stops) {
      try {
        now = add(now, await latest.current(now.cursor));
      } catch (thrown) {
        now = { ...now, state: 'stopped', error: asApiError(thrown), isExact: false };
      }
      if (current.current !== mine) return;
      setProgress(now);
    }
    if (now.state === 'running') setProgress({ ...now, state: 'stopped' });
  }

  return {
    progress,
    isStopping,
    /** Begins with the first key. */
    start: () => void run(NOTHING),
    /** Goes on after a stop. */
    resume: () => void run(progress),
    /** Stops after the request in progress. */
    stop() {
      if (current.current === null) return;
      current.current.stops = true;
      setStopping(true);
    },
    /** Ignores the request in progress, and sends no other. */
    cancel,
  };
}
