import { z } from 'zod';
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

const secret = z
  .string()
  .refine(
    (text) => SECRET.test(text) && keyOfSecret(text).length >= 24 && keyOfSecret(text).length <= 64,
    'Expected whsec_ and 24–64 bytes in base64.',
  );
const endpoint = z
  .strictObject({
    url: z.url({ protocol: /^https?$/, error: 'Expected an https URL.' }),
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
const endpoints = z.array(endpoint).max(64);

export const webhookEndpointsSchema = z.union(
  [endpoints, z.custom<Exclude<WebhookEndpoints, readonly unknown[]>>((value) => typeof value === 'function')],
  'Expected endpoints such as [{ url, secret }], or a function that returns them for a workspace.',
);

/**
 * Endpoints of a workspace.
 *
 * @throws {KeyscopeError} `invalid_options` if the function of the app returns others.
 */
export async function endpointsOf(given: WebhookEndpoints, workspaceId: string): Promise<readonly WebhookEndpoint[]> {
  if (typeof given !== 'function') return given;
  return parseInput(endpoints, await given(workspaceId), 'webhooks', 'invalid_options') as readonly WebhookEndpoint[];
}
