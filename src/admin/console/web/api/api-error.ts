import type { Issue, Problem } from './types';

/** A failed request: the problem that the server sent, or the reason why there is no response. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The problem's `code`, or `unreachable`, `unreadable` or `unexpected` if there is none. */
  readonly code: string;
  readonly issues: readonly Issue[];

  constructor(code: string, message: string, issues: readonly Issue[] = []) {
    super(message);
    this.code = code;
    this.issues = issues;
  }
}

export function unreachable(): ApiError {
  return new ApiError(
    'unreachable',
    'The server cannot be reached. Check the connection, then try again. Nothing on this page is lost.',
  );
}

export function notSignedIn(): ApiError {
  return new ApiError('unauthenticated', 'You are not signed in.');
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body;
}

/** The error of a response that is not 2xx, from the server or from a proxy in front of it. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  if (isProblem(body)) return new ApiError(body.code, body.detail, body.issues);
  if (response.status === 401) return notSignedIn();
  return new ApiError(
    'unreadable',
    `Unexpected response (HTTP ${response.status}). Try again, or contact your administrator.`,
  );
}

/** Anything that was thrown, as an error to show. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(
    'unexpected',
    `This page failed: ${error instanceof Error ? error.message : String(error)}. Reload it.`,
  );
}

export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
