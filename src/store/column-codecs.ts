import { KeyscopeError } from '../errors';
import { isAlias } from '../token/imported-token';
import type { Exposure, RecordedExposure } from './leak-report';
import type { RateLimit } from './limit-store';

/** How values of one type are stored in Redis. */
export interface Codec<T> {
  /** The stored string; undefined if the field is not stored. */
  encode(value: T): string | undefined;
  /** @throws {Error} with the end of a sentence that begins with the field's name, e.g. "is not JSON". */
  decode(text: string): T;
  /** True if the stored string is JSON. The audit log shows JSON as it is stored, and quotes other strings. */
  readonly isJson: boolean;
}

function isStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes the stored string.
    throw new Error('is not JSON');
  }
}

export const TEXT: Codec<string> = { encode: (value) => value, decode: (text) => text, isJson: false };

export const OPTIONAL_TEXT: Codec<string | null> = {
  encode: JSON.stringify,
  decode(text) {
    const value = text === 'null' ? null : parseJson(text);
    if (value !== null && typeof value !== 'string') throw new Error('is neither a string nor null');
    return value;
  },
  isJson: true,
};

export const ALIAS: Codec<string | null> = {
  encode: (value) => value ?? undefined,
  decode(text) {
    if (!isAlias(text)) throw new Error('is not an alias');
    return text;
  },
  isJson: false,
};

export const ARRAY: Codec<readonly string[]> = {
  encode: JSON.stringify,
  decode(text) {
    const value = parseJson(text);
    if (!isStringArray(value)) throw new Error('is not an array of strings');
    return Object.freeze(value);
  },
  isJson: true,
};

export const ALL_OR_ARRAY: Codec<'all' | readonly string[]> = {
  encode: JSON.stringify,
  decode: (text) => (text === '"all"' ? 'all' : ARRAY.decode(text)),
  isJson: true,
};

/** The user or service that a key belongs to. */
export interface KeyOwner {
  readonly kind: 'user' | 'service';
  /** Stable id, as the app names it. */
  readonly id: string;
}

/** Names and values, without inherited members. */
export type KeyMetadata = Readonly<Record<string, string>>;

export const NO_METADATA: KeyMetadata = Object.freeze(Object.create(null) as KeyMetadata);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRateLimit(value: unknown): value is RateLimit {
  const { limit, window } = (value ?? {}) as Record<string, unknown>;
  return [limit, window].every((part) => Number.isSafeInteger(part) && (part as number) > 0);
}

export const RATE_LIMITS: Codec<readonly RateLimit[] | null> = {
  encode: JSON.stringify,
  decode(text) {
    const value = parseJson(text);
    if (value === null) return null;
    if (!Array.isArray(value) || !value.every(isRateLimit)) throw new Error('is not an array of rate limits');
    return Object.freeze(value.map(({ limit, window }) => Object.freeze({ limit, window })));
  },
  isJson: true,
};

export const OWNER: Codec<KeyOwner | null> = {
  encode: (value) => (value === null ? 'null' : JSON.stringify({ kind: value.kind, id: value.id })),
  decode(text) {
    const value = parseJson(text);
    if (value === null) return null;
    // A newer version can have written another kind.
    if (!isObject(value) || typeof value.kind !== 'string' || typeof value.id !== 'string') {
      throw new Error('is neither an owner nor null');
    }
    return Object.freeze({ kind: value.kind as KeyOwner['kind'], id: value.id });
  },
  isJson: true,
};

export const EXPOSURE: Codec<RecordedExposure | null> = {
  encode: JSON.stringify,
  decode(text) {
    const value = parseJson(text);
    if (value === null) return null;
    const { policy, source, url, at } = isObject(value) ? value : ({} as Record<string, unknown>);
    const isText = typeof policy === 'string' && typeof source === 'string';
    if (!isText || !(url === null || typeof url === 'string') || !Number.isSafeInteger(at)) {
      throw new Error('is neither a report of a leak nor null');
    }
    // A newer version can have written another policy.
    return Object.freeze({ policy: policy as Exposure['policy'], source, url, at: at as number });
  },
  isJson: true,
};

export const METADATA: Codec<KeyMetadata> = {
  encode: JSON.stringify,
  decode(text) {
    const value = parseJson(text);
    if (!isObject(value) || !Object.values(value).every((item) => typeof item === 'string')) {
      throw new Error('is not an object of strings');
    }
    return Object.freeze(Object.assign(Object.create(null) as object, value)) as KeyMetadata;
  },
  isJson: true,
};

/** Copy of a column's value, which shares nothing with it. `finish` is called for each array and object of the copy. */
export function copyValue(value: unknown, finish: (copy: object) => object = (copy) => copy): unknown {
  if (Array.isArray(value)) return finish(value.map((item) => copyValue(item, finish)));
  if (!isObject(value)) return value;
  return finish(Object.assign(Object.create(Object.getPrototypeOf(value) as object | null) as object, value));
}

export const BOOLEAN: Codec<boolean> = {
  encode: String,
  decode(text) {
    if (text !== 'true' && text !== 'false') throw new Error('is neither true nor false');
    return text === 'true';
  },
  isJson: true,
};

const WHOLE = /^\d{1,16}$/;

/** Times in milliseconds since the epoch, and revisions. */
export const NUMBER: Codec<number> = {
  encode: encodeNumber,
  decode(text) {
    if (!WHOLE.test(text)) throw new Error('is not a whole number');
    return Number(text);
  },
  isJson: true,
};

/** Whole numbers only: a time with a fraction would be stored, and then rejected by each read. */
export function encodeNumber(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new KeyscopeError('invalid_request', 'Times and revisions of a key must be whole numbers from 0.');
  }
  return String(value);
}
