import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import type { Answer } from './handler';

/** For how long a repeated request gets the first one's answer. */
const TTL = 10 * 60_000;
const MAX_ANSWERS = 1000;
/** In characters of JSON. */
const MAX_SIZE = 8 * 1_048_576;

interface Run {
  /** Of the body: the same key with another body is a mistake, not a repetition. */
  readonly fingerprint: string;
  readonly answer: Promise<Answer>;
}

/** Which request it is that may be repeated: whose, for what, under which key. */
export interface Repeatable {
  readonly scope: readonly (string | null)[];
  readonly body: unknown;
}

export interface Idempotency {
  /** The answer of the first such request; `make` is only called for that one. */
  run(request: Repeatable, make: () => Promise<Answer>): Promise<Answer>;
  /** Forgets every answer. */
  close(): void;
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}

/**
 * Remembers answers, with the tokens in them, for requests that are repeated because the first answer got lost. In this
 * process' memory alone, for ten minutes: what is shown once must not be written down anywhere. A request that is
 * repeated later, or to another process, is caught by the key's id instead, which follows from the idempotency key (see
 * `keys.create`), and for rotations by the old key, which can be replaced once.
 */
export function createIdempotency(clock: Clock): Idempotency {
  const running = new Map<string, Run>();
  const finished = new LRUCache<string, { fingerprint: string; answer: Answer }>({
    max: MAX_ANSWERS,
    maxSize: MAX_SIZE,
    sizeCalculation: ({ answer }) => JSON.stringify(answer).length,
    ttl: TTL,
    ttlResolution: 0,
    // Its timers are unref'd; without them a token would stay until the next request.
    ttlAutopurge: true,
    perf: { now: () => clock.monotonic() },
  });

  function checkSame(known: { fingerprint: string }, fingerprint: string): void {
    if (known.fingerprint === fingerprint) return;
    throw new KeyscopeError(
      'idempotency_key_reused',
      'This Idempotency-Key came with another body before. Send a new one with a new request.',
    );
  }

  function replayed(answer: Answer): Answer {
    return { ...answer, headers: { ...answer.headers, 'Idempotent-Replayed': 'true' } };
  }

  return {
    async run({ scope, body }, make) {
      const id = hash(scope);
      const fingerprint = hash(body);
      const known = finished.get(id);
      if (known) {
        checkSame(known, fingerprint);
        return replayed(known.answer);
      }
      const first = running.get(id);
      if (first) {
        checkSame(first, fingerprint);
        return replayed(await first.answer);
      }
      // What failed is not remembered: the next request may try again.
      const answer = make();
      running.set(id, { fingerprint, answer });
      try {
        finished.set(id, { fingerprint, answer: await answer });
        return await answer;
      } finally {
        running.delete(id);
      }
    },

    close() {
      finished.clear();
    },
  };
}
