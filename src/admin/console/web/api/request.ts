import { ApiError, errorOf, isAborted, notSignedIn, unreachable } from './api-error';
import { baseUrl } from './base-url';

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly query?: Readonly<Record<string, string | number | null | undefined>>;
  readonly body?: unknown;
  /** Revision of the key that is changed. If the key has another revision, the server rejects the change. */
  readonly revision?: number;
  /** The same for all attempts at one change, so that it is made once. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

const BASE = baseUrl(location.href, import.meta.url);
const REQUEST_TIMEOUT_MS = 20_000;

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
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  return signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
}

/**
 * Sends a request to the router. Rejects with an `ApiError`, or with an `AbortError` if `signal` aborts.
 *
 * @param path Relative to the page, with each segment encoded.
 */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const { method = 'GET', query, body } = options;
  let response: Response;
  try {
    response = await fetch(urlOf(path, query), {
      method,
      headers: headersOf(options),
      credentials: 'same-origin',
      // A redirect leads to a sign-in page, which is no JSON.
      redirect: 'manual',
      cache: 'no-store',
      signal: signalOf(options),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (isAborted(error)) throw error;
    throw unreachable();
  }
  if (response.type === 'opaqueredirect') throw notSignedIn();
  if (!response.ok) throw await errorOf(response);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (isAborted(error)) throw error;
    if (error instanceof SyntaxError) throw new ApiError('unreadable', 'Unexpected response: it is not JSON.');
    throw unreachable();
  }
}

/** A random key for one change. `crypto.randomUUID` is missing on pages without TLS. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
