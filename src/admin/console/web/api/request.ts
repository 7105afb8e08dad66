import { Failure, failureOf, isAborted, unreachable } from './api-error';

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly query?: Readonly<Record<string, string | number | null | undefined>>;
  readonly body?: unknown;
  /** The revision that a change is made to: changed meanwhile, the change is refused. */
  readonly revision?: number;
  /** The same for every attempt at one thing, so that it is done once. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** Where the routes are: the folder that the page itself is in. */
const BASE = new URL('.', document.baseURI);
/** A server that says nothing for so long has to be taken for one that is away. */
const PATIENCE = 20_000;

function urlOf(path: string, query: RequestOptions['query'] = {}): URL {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') url.searchParams.set(name, String(value));
  }
  return url;
}

function headersOf({ body, revision, idempotencyKey }: RequestOptions): Headers {
  const headers = new Headers({ Accept: 'application/json' });
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  if (revision !== undefined) headers.set('If-Match', `"${revision}"`);
  if (idempotencyKey !== undefined) headers.set('Idempotency-Key', idempotencyKey);
  return headers;
}

function signalOf({ signal }: RequestOptions): AbortSignal {
  const patience = AbortSignal.timeout(PATIENCE);
  return signal === undefined ? patience : AbortSignal.any([patience, signal]);
}

/**
 * Asks the router for something. Rejects with a `Failure`, or, where `signal` was used, with an AbortError.
 *
 * @param path Relative to the page, each part of it encoded.
 */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const { method = 'GET', query, body } = options;
  let response: Response;
  try {
    response = await fetch(urlOf(path, query), {
      method,
      headers: headersOf(options),
      credentials: 'same-origin',
      // A sign-in page in place of an answer is no answer.
      redirect: 'manual',
      cache: 'no-store',
      signal: signalOf(options),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (isAborted(error)) throw error;
    throw unreachable();
  }
  if (response.type === 'opaqueredirect') throw new Failure('unauthenticated', 'Nobody is signed in.');
  if (!response.ok) throw await failureOf(response);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (isAborted(error)) throw error;
    throw unreachable();
  }
}

/** A name for one thing to be done, however often it is attempted. Works on pages without TLS, too. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
