import { z } from 'zod';
import { distinctList, externalId, isPlainText, mayContainToken } from '../field-schemas';
import { normalizeEntry } from './address-list';
import { keyRateLimits } from './rate-limit-schema';

/* Inputs of the optional columns of a key. */

const MAX_ADDRESSES = 32;
const ADDRESS_MESSAGE =
  'Expected an address without a zone, or a CIDR block that begins with its first address, such as 203.0.113.0/24 or 2001:db8::/32.';
const allowedIps = distinctList({
  message: `Expected an array of at most ${MAX_ADDRESSES} addresses or CIDR blocks. An empty array accepts any address.`,
  minimum: 0,
  maximum: MAX_ADDRESSES,
  entryMessage: (entry) => (typeof entry === 'string' && normalizeEntry(entry) !== null ? null : ADDRESS_MESSAGE),
})
  .transform((entries): readonly string[] => [...new Set(entries.map((entry) => normalizeEntry(entry) as string))])
  .meta({
    type: 'array',
    items: { type: 'string', maxLength: 49 },
    maxItems: MAX_ADDRESSES,
    description: 'IPv4 and IPv6 addresses, and CIDR blocks, that requests may come from. Empty: any address.',
  });

const OWNER_MESSAGE =
  "Expected an object such as { kind: 'user', id: 'u-17' } or { kind: 'service', id: 'crm' }, or null.";
export const ownerObject = z
  .strictObject({ kind: z.enum(['user', 'service']), id: externalId }, OWNER_MESSAGE)
  .nullable();
const owner = ownerObject.meta({
  description: 'The user or service that the key belongs to, by a stable id of the app.',
});

const MAX_CONTACT_LENGTH = 254;
/** The HTML Standard's "valid email address". */
const EMAIL =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
const CONTACT_MESSAGE = `Expected an e-mail address of at most ${MAX_CONTACT_LENGTH} characters, or null.`;
const contact = z
  .string(CONTACT_MESSAGE)
  .refine((text) => text.length <= MAX_CONTACT_LENGTH && EMAIL.test(text) && !mayContainToken(text), CONTACT_MESSAGE)
  .meta({ maxLength: MAX_CONTACT_LENGTH })
  .nullable()
  .meta({ description: 'E-mail address for warnings about the key.' });

const MAX_PAIRS = 16;
const MAX_VALUE_LENGTH = 200;
const PAIR_NAME = /^[A-Za-z][A-Za-z0-9_.:-]{0,39}$/;
const PAIRS_MESSAGE =
  `Expected an object with at most ${MAX_PAIRS} names of 1–40 letters, digits and _ . : -, beginning with a letter. ` +
  'Names that every object has, such as constructor, are not accepted.';
const VALUE_MESSAGE = `Expected a string of 1–${MAX_VALUE_LENGTH} characters without control characters that is no token.`;

/** Names that objects inherit are rejected: `metadata[name]` would not be a string for a key without them. */
function isPairName(name: string): boolean {
  return PAIR_NAME.test(name) && !(name in Object.prototype);
}

const INDEXED_MESSAGE = 'Expected different names of metadata, at most 8, such as customerId.';
/** Names of metadata that lists find keys by. */
export const indexedNames = z
  .array(z.string().refine(isPairName, INDEXED_MESSAGE))
  .max(8, INDEXED_MESSAGE)
  .refine((names) => new Set(names).size === names.length, INDEXED_MESSAGE)
  .default([]);

function isPairValue(value: unknown): value is string {
  return typeof value === 'string' && isPlainText(value, MAX_VALUE_LENGTH) && !mayContainToken(value);
}

export const metadataPairs = z.unknown().transform((given, context): Readonly<Record<string, string>> => {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  const names = isObject ? Object.keys(given) : [];
  // The message does not repeat names, which could be anything.
  if (!isObject || names.length > MAX_PAIRS || !names.every(isPairName)) {
    context.addIssue({ code: 'custom', message: PAIRS_MESSAGE, input: given });
    return z.NEVER;
  }
  const pairs = Object.create(null) as Record<string, string>;
  for (const name of names.sort()) {
    const value = (given as Record<string, unknown>)[name];
    if (isPairValue(value)) pairs[name] = value;
    else context.addIssue({ code: 'custom', message: VALUE_MESSAGE, path: [name], input: value });
  }
  return pairs;
});
const metadata = metadataPairs.meta({
  type: 'object',
  additionalProperties: { type: 'string', minLength: 1, maxLength: MAX_VALUE_LENGTH },
  propertyNames: { pattern: PAIR_NAME.source },
  maxProperties: MAX_PAIRS,
  description: 'Facts about the key, for the app: names and values.',
});

/** Columns that operators can set and change, and that may be absent. */
export const columnSchemas = { allowedIps, rateLimit: keyRateLimits, owner, contact, metadata };

/** The same for the input that creates a key. An undefined list is rejected: it must not mean any address. */
export const newColumnSchemas = {
  allowedIps: allowedIps.exactOptional(),
  rateLimit: keyRateLimits.optional(),
  owner: owner.optional(),
  contact: contact.optional(),
  metadata: metadata.optional(),
};
