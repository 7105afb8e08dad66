import { createHmac } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { WebhookEndpoint } from './endpoints';
import { keyOfSecret } from './endpoints';
import { createPublicLookup, isPublicAddress, PrivateAddressError, type Resolve } from './public-address';

/** Milliseconds for one attempt, with its response. */
export const ATTEMPT_TIMEOUT = 15_000;
/** Bytes of a response that are read. Nothing is done with them: a connection that is closed earlier looks like a failure. */
const MAX_RESPONSE = 16_384;

export interface Message {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string;
}

export interface AttemptResult {
  readonly status: number;
  readonly retryAfter: string | null;
}

/** Headers of Standard Webhooks, with one signature for each secret. */
export function signedHeaders({ id, timestamp, body }: Message, { secret }: WebhookEndpoint): Record<string, string> {
  const secrets = typeof secret === 'string' ? [secret] : secret;
  const signatures = secrets.map((each) => {
    const digest = createHmac('sha256', keyOfSecret(each)).update(`${id}.${timestamp}.${body}`).digest('base64');
    return `v1,${digest}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}

/**
 * One attempt. Resolves with the status; redirects are not followed. Rejects if there is no response in time, or if the
 * address is not public.
 */
export function send(
  endpoint: WebhookEndpoint,
  message: Message,
  { signal, resolve: resolveName }: { readonly signal: AbortSignal; readonly resolve?: Resolve },
): Promise<AttemptResult> {
  const url = new URL(endpoint.url);
  const isRestricted = endpoint.allowPrivate !== true;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // Node calls no `lookup` for an address.
  if (isRestricted && isIP(host) !== 0 && !isPublicAddress(host)) return Promise.reject(new PrivateAddressError());
  if (signal.aborted) return Promise.reject(new Error('The process ends.'));
  const body = Buffer.from(message.body);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': body.length,
        'user-agent': 'keyscope-webhooks',
        ...signedHeaders(message, endpoint),
      },
      // A connection of its own: none that was made for another endpoint.
      agent: false,
      ...(isRestricted && { lookup: createPublicLookup(resolveName) as never }),
    });
    // No AbortSignal.any: with a source that outlives the request, it is never collected in Node 22.
    const end = (reason: string) => void outgoing.destroy(new Error(reason));
    const timer = setTimeout(end, ATTEMPT_TIMEOUT, `No response within ${ATTEMPT_TIMEOUT / 1000} seconds.`);
    timer.unref();
    const onAbort = () => end('The process ends.');
    signal.addEventListener('abort', onAbort);
    outgoing.on('error', reject);
    outgoing.on('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      reject(new Error('The connection ended without a response.'));
    });
    // Without a listener, Node ends the connection, and no other event says so.
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, retryAfter: null });
    });
    outgoing.on('response', (response) => {
      let length = 0;
      response.on('data', (data: Buffer) => {
        length += data.length;
        if (length > MAX_RESPONSE) response.destroy();
      });
      response.on('error', () => {});
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] ?? null });
    });
    outgoing.end(body);
  });
}
