import { z } from 'zod';
import { KeyscopeError } from '../errors';
import { within } from '../timeout';
import { parseInput } from '../validate-input';

/** Events that webhooks get, such as `key.created`. */
export const WEBHOOK_TYPES = [
  'key.created',
  'key.updated',
  'key.disabled',
  'key.rotated',
  'key.deleted',
  'key.expiring',
  'key.expired',
  'key.exposed',
  'project.configured',
  'project.cleared',
] as const;
export type WebhookType = (typeof WEBHOOK_TYPES)[number];

/** Endpoint that gets events by POST. */
export interface WebhookEndpoint {
  /** `https` URL. */
  readonly url: string;
  /** `whsec_` and 24–64 bytes in base64. In an array, all sign: the receiver accepts either while one replaces the other. */
  readonly secret: string | readonly string[];
  /** Default: all. */
  readonly types?: readonly WebhookType[];
  /** Allows `http` and addresses that are not public, for an endpoint of your own network. Default `false`. */
  readonly allowPrivate?: boolean;
}

/** Endpoints of all workspaces, or a function that returns those of one. */
export type WebhookEndpoints =
  | readonly WebhookEndpoint[]
  | ((workspaceId: string) => readonly WebhookEndpoint[] | Promise<readonly WebhookEndpoint[]>);

const SECRET = /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/;

export function keyOfSecret(secret: string): Buffer {
  return Buffer.from(secret.slice('whsec_'.length), 'base64');
}

function hasNoCredentials(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { username, password } = new URL(url);
  return username === '' && password === '';
}

const secret = z
  .string()
  .refine(
    (text) => SECRET.test(text) && keyOfSecret(text).length >= 24 && keyOfSecret(text).length <= 64,
    'Expected whsec_ and 24–64 bytes in base64.',
  );
const endpoint = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'Expected an https URL.' })
      .max(2000)
      .refine(hasNoCredentials, 'Expected a URL without user name and password: operators see it.'),
    secret: z.union([secret, z.array(secret).min(1).max(8).readonly()]),
    types: z.array(z.enum(WEBHOOK_TYPES)).readonly().optional(),
    allowPrivate: z.boolean().optional(),
  })
  .refine(
    ({ url, allowPrivate }) => allowPrivate === true || !URL.canParse(url) || new URL(url).protocol === 'https:',
    {
      path: ['url'],
      message: 'Expected an https URL. `allowPrivate: true` allows http.',
    },
  );
const endpoints = z
  .array(endpoint)
  .max(64)
  .refine(
    (list) => new Set(list.map(({ url }) => url)).size === list.length,
    'Expected one endpoint for each URL. It can have several types and secrets.',
  );

export const webhookEndpointsSchema = z.union(
  [endpoints, z.custom<Exclude<WebhookEndpoints, readonly unknown[]>>((value) => typeof value === 'function')],
  'Expected endpoints such as [{ url, secret }], or a function that returns them for a workspace.',
);

/** Milliseconds in which the function of the app must return. */
const TIMEOUT = 10_000;

function lateError(): KeyscopeError {
  const message = `webhooks: the function has not returned the endpoints within ${TIMEOUT / 1000} seconds.`;
  return new KeyscopeError('internal_error', message);
}

/**
 * Endpoints of a workspace.
 *
 * @throws {KeyscopeError} `invalid_options` if the function of the app returns others, `internal_error` if it takes too long.
 */
export async function endpointsOf(given: WebhookEndpoints, workspaceId: string): Promise<readonly WebhookEndpoint[]> {
  if (typeof given !== 'function') return given;
  const found = await within(TIMEOUT, Promise.resolve(given(workspaceId)), lateError);
  return parseInput(endpoints, found, 'webhooks', 'invalid_options') as readonly WebhookEndpoint[];
}
