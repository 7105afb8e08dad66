import { useRef, useState } from 'preact/hooks';
import { asFailure, type Failure } from '../api/api-error';
import * as calls from '../api/calls';
import type { Configuration, Metrics } from '../api/types';

export interface Features {
  readonly transcript: boolean;
  readonly metrics: Metrics;
}

const NOTHING: Features = { transcript: false, metrics: [] };

export interface ConfigurationState {
  /** As it is to be: shown at once, before the server has heard of it. */
  readonly features: Features;
  readonly configured: boolean;
  readonly state: 'saved' | 'saving' | 'failed' | null;
  readonly failure: Failure | null;
  /** Null clears the configuration. */
  change(features: Features | null): void;
  retry(): void;
  /** Goes back to what the server has. */
  discard(): void;
}

/**
 * One project's configuration, changed as one clicks. Changes are sent one after the other, and of those made meanwhile
 * only the last: what the server has at the end is what is shown.
 */
export function useConfiguration(
  projectId: string,
  stored: Configuration | undefined,
  onSaved: (features: Features | null) => void,
): ConfigurationState {
  const [confirmed, setConfirmed] = useState<Features | null>(stored?.configured ? stored : null);
  const [wanted, setWanted] = useState<Features | null>(confirmed);
  const [state, setState] = useState<ConfigurationState['state']>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const latest = useRef(wanted);
  const sending = useRef(false);

  async function send(): Promise<void> {
    if (sending.current) return;
    sending.current = true;
    setFailure(null);
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
      onSaved(sent);
    } catch (error) {
      setFailure(asFailure(error));
      setState('failed');
    } finally {
      sending.current = false;
    }
  }
  function change(features: Features | null): void {
    latest.current = features;
    setWanted(features);
    void send();
  }

  return {
    features: wanted ?? NOTHING,
    configured: wanted !== null,
    state,
    failure,
    change,
    retry: () => void send(),
    discard() {
      latest.current = confirmed;
      setWanted(confirmed);
      setFailure(null);
      setState(null);
    },
  };
}
