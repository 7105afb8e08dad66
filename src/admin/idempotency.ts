import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import type { OperationResponse } from './handler';

/** How long a repeated request gets the first one's response. */
const TTL = 10 * 60_000;
const MAX_RESPONSES = 1000;
/** In characters of JSON. */
const MAX_SIZE = 8 * 1_048_576;

interface Cached {
  /** Hash of the body. The same key with another body is a mistake, not a repetition. */
  readonly fingerprint: string;
  readonly response: OperationResponse;
}

interface Running extends Omit<Cached, 'response'> {
  readonly response: Promise<OperationResponse>;
}

/** A request that may be repeated. */
export interface Repeatable {
  /** Workspace, actor, path and idempotency key. */
  readonly scope: readonly (string | null)[];
  readonly body: unknown;
}

export interface Idempotency {
  /** The response of the first such request. `perform` is called for the first one only. */
  run(request: Repeatable, perform: () => Promise<OperationResponse>): Promise<OperationResponse>;
  /** Removes all cached responses. */
  close(): void;
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}

/**
 * Caches responses, with the tokens in them, for requests that are repeated because the first response was lost. The
 * cache is in this process' memory and lasts ten minutes: a token that is shown once must not be stored.
 *
 * A request that is repeated later, or to another process, gets `conflict`: the new key's id is derived from the
 * idempotency key (see `keys.create`), and a key can be rotated once.
 */
export function createIdempotency(clock: Clock): Idempotency {
  const running = new Map<string, Running>();
  const finished = new LRUCache<string, Cached>({
    max: MAX_RESPONSES,
    maxSize: MAX_SIZE,
    sizeCalculation: ({ response }) => JSON.stringify(response).length,
    ttl: TTL,
    ttlResolution: 0,
    // Its timers are unref'd. Without them a token would stay in memory until the next request.
    ttlAutopurge: true,
    perf: { now: () => clock.monotonic() },
  });

  function checkSame(known: { fingerprint: string }, fingerprint: string): void {
    if (known.fingerprint === fingerprint) return;
    throw new KeyscopeError(
      'idempotency_key_reused',
      'This Idempotency-Key was used with another body. Send a new key with a new request.',
    );
  }

  function replay(response: OperationResponse): OperationResponse {
    return { ...response, headers: { ...response.headers, 'Idempotent-Replayed': 'true' } };
  }

  return {
    async run({ scope, body }, perform) {
      const id = hash(scope);
      const fingerprint = hash(body);
      const known = finished.get(id);
      if (known) {
        checkSame(known, fingerprint);
        return replay(known.response);
      }
      const first = running.get(id);
      if (first) {
        checkSame(first, fingerprint);
        return replay(await first.response);
      }
      // Failures are not cached, so that the next request can try again.
      const response = perform();
      running.set(id, { fingerprint, response });
      try {
        finished.set(id, { fingerprint, response: await response });
        return await response;
      } finally {
        running.delete(id);
      }
    },

    close() {
      finished.clear();
    },
  };
}
