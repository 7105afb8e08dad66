import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { within } from '../timeout';

/** A public key of GitHub's secret scanning, as its API returns it. */
export interface GithubPublicKey {
  readonly key_identifier: string;
  /** PEM of an ECDSA key on the curve P-256. */
  readonly key: string;
}

/** Public keys: the array, or the response of GitHub's API that contains it. */
export type GithubPublicKeys = readonly GithubPublicKey[] | { readonly public_keys: readonly GithubPublicKey[] };

const keySchema = z.looseObject({ key_identifier: z.string().min(1).max(256), key: z.string().min(1) });
const keysSchema = z
  .union([z.array(keySchema), z.looseObject({ public_keys: z.array(keySchema) })])
  .transform((keys) => (Array.isArray(keys) ? keys : keys.public_keys))
  .refine((keys) => keys.length > 0);

type KeysById = ReadonlyMap<string, KeyObject>;

function parseKey({ key_identifier: id, key: pem }: GithubPublicKey): readonly [string, KeyObject] {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Error(`The public key ${JSON.stringify(id.slice(0, 80))} is not an ECDSA key on the curve P-256.`);
  }
  return [id, key];
}

/** Throws if the value contains no keys, or one that cannot be used. */
export function parseKeys(value: unknown): KeysById {
  const { success, data } = keysSchema.safeParse(value);
  if (!success) throw new Error('Expected an array of { key_identifier, key }, or { public_keys } with one.');
  return new Map(data.map(parseKey));
}

/** Milliseconds between two fetches for an unknown identifier. */
const REFETCH_PAUSE = 60_000;
/** Age at which keys are fetched again, because GitHub can have withdrawn one. Milliseconds. */
const MAX_AGE = 3_600_000;

/** Milliseconds in which the function of the app must return. Reports wait for it. */
const FETCH_TIMEOUT = 10_000;

function lateError(): Error {
  return new Error(`The function has not returned keys within ${FETCH_TIMEOUT / 1000} seconds.`);
}

/** Public keys that the app fetches. They are cached; an identifier that they lack fetches them again. */
export class FetchedKeys {
  readonly #fetch: () => unknown;
  readonly #clock: Clock;
  readonly #report: (error: KeyscopeError) => void;
  #keys: KeysById = new Map();
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | null = null;

  constructor(fetch: () => unknown, clock: Clock, report: (error: KeyscopeError) => void) {
    this.#fetch = fetch;
    this.#clock = clock;
    this.#report = report;
  }

  /**
   * @throws {KeyscopeError} `internal_error` if there are no keys at all, because they could not be fetched.
   */
  async find(id: string): Promise<KeyObject | undefined> {
    const now = this.#clock.monotonic();
    const isWanted = !this.#keys.has(id) || now - this.#fetchedAt >= MAX_AGE;
    if (isWanted && now - this.#triedAt >= REFETCH_PAUSE) {
      this.#triedAt = now;
      this.#fetching = this.#refresh(now).finally(() => {
        this.#fetching = null;
      });
    }
    if (!this.#keys.has(id)) await this.#fetching;
    if (this.#keys.size === 0) {
      throw new KeyscopeError('internal_error', 'The public keys of GitHub could not be fetched. Try again later.');
    }
    return this.#keys.get(id);
  }

  /** Never rejects. If it fails, the keys of before are used. */
  async #refresh(now: number): Promise<void> {
    try {
      this.#keys = parseKeys(await within(FETCH_TIMEOUT, Promise.resolve(this.#fetch()), lateError));
      this.#fetchedAt = now;
    } catch (cause) {
      const message = 'githubSecretScanning: the public keys could not be fetched. See the cause of this error.';
      this.#report(new KeyscopeError('internal_error', message, { cause }));
    }
  }
}

/** Whether a signature, as in `Github-Public-Key-Signature`, is the one of these bytes: ECDSA with SHA-256. */
export function verifySignature(bytes: Uint8Array, signature: string, key: KeyObject): boolean {
  return verify('sha256', bytes, key, Buffer.from(signature, 'base64'));
}
