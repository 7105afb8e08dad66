import type { Exchange } from './history';

export type Rule =
  /** Explained only by a state that was replaced more than `maxRevocationLag` ago. */
  | 'stale'
  /** A 2xx for a token that no key ever had. */
  | 'unknown token accepted'
  /** A 401 or 403 for a key that was valid during the whole request. */
  | 'valid key denied'
  /** No state of the key or project explains the response. */
  | 'unexplained'
  /** 503 although no fault was active. */
  | 'unavailable'
  /** Later than `storeTimeout` and the margin. */
  | 'slow'
  /** No response, or a status that this API does not send. */
  | 'unexpected response'
  /** A line of a stream was written although only a state that was replaced more than `maxRevocationLag` ago allows it. */
  | 'outlived'
  /** A stream ended although its key was valid all the time and no fault was active. */
  | 'cut off';

export interface Violation {
  readonly rule: Rule;
  readonly detail: string;
  readonly exchange: Exchange;
}

export function ms(time: number): string {
  return `${time.toFixed(1)} ms`;
}
