/** One issue of an input. */
export interface InputIssue {
  /** Path in the input, e.g. `agents` or `permissions.1`. Empty for the input as a whole. */
  readonly path: string;
  /** Sentence that says what is accepted and what was received. */
  readonly message: string;
}

/**
 * All error codes, with their HTTP status and RFC 9457 `title`. `denies` marks the codes of denied requests: `'key'` if
 * the key is known, which counts in its usage, else `'request'`. Usage counts and OpenAPI documents derive from it.
 */
export const ERRORS = {
  missing_key: { status: 401, title: 'API key required', denies: 'request' },
  invalid_key: { status: 401, title: 'Invalid API key', denies: 'request' },
  duplicate_key: { status: 401, title: 'More than one API key', denies: 'request' },
  expired_key: { status: 401, title: 'Expired API key', denies: 'key' },
  disabled_key: { status: 401, title: 'Disabled API key', denies: 'key' },
  permission_denied: { status: 403, title: 'Permission denied', denies: 'key' },
  ip_not_allowed: { status: 403, title: 'Address not allowed', denies: 'key' },
  agent_not_in_scope: { status: 403, title: 'Agent not in scope', denies: 'key' },
  workspace_not_in_scope: { status: 403, title: 'Workspace not in scope', denies: 'key' },
  rate_limited: { status: 429, title: 'Rate limit exceeded', denies: 'key' },
  quota_exceeded: { status: 429, title: 'Quota exceeded', denies: 'key' },
  feature_not_enabled: { status: 403, title: 'Feature not enabled', denies: 'request' },
  invalid_request: { status: 400, title: 'Invalid request' },
  immutable_field: { status: 400, title: 'Field cannot be changed' },
  key_not_found: { status: 404, title: 'Key not found' },
  conflict: { status: 409, title: 'Conflict' },
  unauthenticated: { status: 401, title: 'Not signed in' },
  read_only: { status: 403, title: 'Read-only access' },
  cross_origin: { status: 403, title: 'Request from another site' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  precondition_failed: { status: 412, title: 'Changed since it was read' },
  payload_too_large: { status: 413, title: 'Request too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused' },
  internal_error: { status: 500, title: 'Internal error' },
  store_unavailable: { status: 503, title: 'Key store unavailable', denies: 'request' },
  unredactable_response: { status: 500, title: 'Response withheld' },
  invalid_options: { status: 500, title: 'Invalid configuration' },
} as const satisfies Record<string, { status: number; title: string; denies?: 'request' | 'key' }>;

export type ErrorCode = keyof typeof ERRORS;

type CodesThatDeny<By extends 'request' | 'key'> = {
  [Code in ErrorCode]: (typeof ERRORS)[Code] extends { readonly denies: By } ? Code : never;
}[ErrorCode];

/** Codes of denied requests whose key is known. */
export type KeyDenialCode = CodesThatDeny<'key'>;
/** Codes of denied requests. */
export type DenialCode = CodesThatDeny<'request' | 'key'>;

/** Why a request was denied, in more detail than its `code`, which is all that the caller learns. */
export type DenialReason =
  | 'missing'
  | 'malformed'
  /** Form of a token, with another prefix than this app's. */
  | 'other_prefix'
  /** The token or its key belongs to another environment than this app. */
  | 'other_environment'
  /** Form of this app's tokens, mistyped or cut. */
  | 'checksum'
  /** No key has this id: it was deleted, or created in another store. */
  | 'unknown'
  | 'wrong_secret'
  /** The key was created without a pepper, and this app accepts only keys with one. */
  | 'pepper'
  | 'expired'
  | 'disabled'
  /** The address of the request is not in the key's `allowedIps`, or unknown. */
  | 'ip'
  | 'permission'
  | 'agent'
  /** The key is limited to some agents, and the request does not state which one it is about. */
  | 'agent_not_stated'
  | 'workspace'
  /** A limit with a window below one day is exceeded. */
  | 'rate_limit'
  /** A limit with a window of one day or longer is exceeded. */
  | 'quota'
  | 'store';

const CODES = Object.keys(ERRORS) as ErrorCode[];

export const DENIAL_CODES = CODES.filter((code): code is DenialCode => 'denies' in ERRORS[code]);
export const KEY_DENIAL_CODES = DENIAL_CODES.filter((code): code is KeyDenialCode => ERRORS[code].denies === 'key');

/** The limit that a request has exceeded. */
export interface ExceededLimit {
  /** As in the `RateLimit` header, such as `key-1m`. */
  readonly name: string;
  /** Requests in a window. */
  readonly limit: number;
  /** Milliseconds. */
  readonly window: number;
  /** Seconds until the window ends. */
  readonly retryAfter: number;
}

export interface KeyscopeErrorOptions {
  cause?: unknown;
  /** For `invalid_request`, `immutable_field` and `invalid_options`: all issues of the input. */
  issues?: readonly InputIssue[];
  /** For `rate_limited` and `quota_exceeded`. */
  limit?: ExceededLimit;
}

/**
 * Error class of this package. Functions reject with it, error responses are built from it, and `onError` receives it.
 * `message` is safe to send to a caller: it never contains a token, a secret or a digest.
 */
export class KeyscopeError extends Error {
  override readonly name = 'KeyscopeError';
  /** Stable name for programs. */
  readonly code: ErrorCode;
  /** HTTP status of `code`. */
  readonly status: number;
  /** All issues of an input. Empty for other errors. */
  readonly issues: readonly InputIssue[];
  /** The limit of `rate_limited` and `quota_exceeded`. Null for other errors. */
  readonly limit: ExceededLimit | null;

  constructor(code: ErrorCode, message: string, options: KeyscopeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = ERRORS[code].status;
    this.issues = options.issues ?? [];
    this.limit = options.limit ?? null;
  }
}
