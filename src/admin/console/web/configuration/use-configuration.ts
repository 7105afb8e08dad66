import { useRef, useState } from 'preact/hooks';
import { type ApiError, asApiError } from '../api/api-error';
import * as calls from '../api/calls';
import type { Configuration, Metrics } from '../api/types';

export interface Features {
  readonly transcript: boolean;
  readonly metrics: Metrics;
}

const NOTHING: Features = { transcript: false, metrics: [] };

export interface ConfigurationState {
  /** The features as the operator has set them, shown before they are saved. */
  readonly features: Features;
  readonly configured: boolean;
  readonly state: 'saved' | 'saving' | 'failed' | null;
  readonly error: ApiError | null;
  /** Null clears the configuration. */
  change(features: Features | null): void;
  retry(): void;
  /** Returns to the saved features. */
  discard(): void;
}

/**
 * Configuration of a project. Each change is saved at once. Changes are sent one after the other: while one is in
 * flight, only the latest of the others is kept. So the last change that is shown is the last one that is saved.
 */
export function useConfiguration(
  projectId: string,
  stored: Configuration | undefined,
  onSaved: (features: Features | null, undo: () => void) => void,
): ConfigurationState {
  const [confirmed, setConfirmed] = useState<Features | null>(stored?.configured ? stored : null);
  const [wanted, setWanted] = useState<Features | null>(confirmed);
  const [state, setState] = useState<ConfigurationState['state']>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const latest = useRef(wanted);
  const sending = useRef(false);

  async function send(before: Features | null): Promise<void> {
    if (sending.current) return;
    sending.current = true;
    setError(null);
    setState('saving');
    let sent: Features | null;
    try {
      do {
        sent = latest.current;
        if (sent === null) await calls.clearConfiguration(projectId);
        else await calls.setConfiguration(projectId, { transcript: sent.transcript, metrics: sent.metrics });
        setConfirmed(sent);
      } while (latest.current !== sent);
      setState('saved');
      onSaved(sent, () => change(before));
    } catch (thrown) {
      setError(asApiError(thrown));
      setState('failed');
    } finally {
      sending.current = false;
    }
  }
  function change(features: Features | null): void {
    const before = latest.current;
    latest.current = features;
    setWanted(features);
    void send(before);
  }

  return {
    features: wanted ?? NOTHING,
    configured: wanted !== null,
    state,
    error,
    change,
    retry: () => void send(confirmed),
    discard() {
      latest.current = confirmed;
      setWanted(confirmed);
      setError(null);
      setState(null);
    },
  };
}
