/** One thing that was wrong with an input: where, and what to do about it. */
export interface InputIssue {
  /** Where in the input, e.g. `agents` or `permissions.1`; empty for the input as a whole. */
  readonly path: string;
  /** A sentence that says what was wrong and what is accepted. */
  readonly message: string;
}

/** Every code an error of this package can carry, with the HTTP status and the RFC 9457 `title` that belong to it. */
export const ERRORS = {
  missing_key: { status: 401, title: 'API key required' },
  invalid_key: { status: 401, title: 'Invalid API key' },
  duplicate_key: { status: 401, title: 'More than one API key' },
  expired_key: { status: 401, title: 'Expired API key' },
  disabled_key: { status: 401, title: 'Disabled API key' },
  permission_denied: { status: 403, title: 'Permission denied' },
  agent_not_in_scope: { status: 403, title: 'Agent not in scope' },
  workspace_not_in_scope: { status: 403, title: 'Workspace not in scope' },
  feature_not_enabled: { status: 403, title: 'Feature not enabled' },
  invalid_request: { status: 400, title: 'Invalid request' },
  immutable_field: { status: 400, title: 'Field cannot be changed' },
  key_not_found: { status: 404, title: 'Key not found' },
  conflict: { status: 409, title: 'Conflict' },
  unauthenticated: { status: 401, title: 'Not signed in' },
  read_only: { status: 403, title: 'Read-only access' },
  cross_origin: { status: 403, title: 'Request from another site' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  precondition_failed: { status: 412, title: 'Changed meanwhile' },
  payload_too_large: { status: 413, title: 'Request too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused' },
  internal_error: { status: 500, title: 'Internal error' },
  store_unavailable: { status: 503, title: 'Key store unavailable' },
  unredactable_response: { status: 500, title: 'Response withheld' },
  invalid_options: { status: 500, title: 'Invalid configuration' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

export interface KeyscopeErrorOptions {
  cause?: unknown;
  /** For `invalid_request`: everything that was wrong, not only the first. */
  issues?: readonly InputIssue[];
}

/**
 * The one error class of this package. Functions reject with it, middleware answers from it, and `onError` receives it.
 * `message` is written for the caller of the API and never contains a token, a secret or a digest.
 */
export class KeyscopeError extends Error {
  override readonly name = 'KeyscopeError';
  /** A stable name for programs to branch on. */
  readonly code: ErrorCode;
  /** The HTTP status that belongs to `code`. */
  readonly status: number;
  readonly issues: readonly InputIssue[];

  constructor(code: ErrorCode, message: string, options: KeyscopeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = ERRORS[code].status;
    this.issues = options.issues ?? [];
  }
}
