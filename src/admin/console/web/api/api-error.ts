import type { Issue, Problem } from './types';

/** Why something did not happen: what the server said of it, or that it could not be asked. */
export class Failure extends Error {
  override readonly name = 'Failure';
  /** As in a problem's `code`; `unreachable` and `unreadable` where there was no answer, or none of ours. */
  readonly code: string;
  readonly issues: readonly Issue[];

  constructor(code: string, message: string, issues: readonly Issue[] = []) {
    super(message);
    this.code = code;
    this.issues = issues;
  }
}

export function unreachable(): Failure {
  return new Failure(
    'unreachable',
    'The server cannot be reached. Check the connection, then try again. Nothing on this page is lost.',
  );
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body;
}

/** What the server refused, or what stands between it and this page. */
export async function failureOf(response: Response): Promise<Failure> {
  const body: unknown = await response.json().catch(() => null);
  if (isProblem(body)) return new Failure(body.code, body.detail, body.issues);
  if (response.status === 401) return new Failure('unauthenticated', 'Nobody is signed in.');
  return new Failure(
    'unreadable',
    `The server answered ${response.status}, and not in a way this page understands. Try again; if it stays so, ask who runs it.`,
  );
}

/** Whatever was thrown, as something to show. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure(
    'unexpected',
    `This page failed: ${error instanceof Error ? error.message : String(error)}. Reload it.`,
  );
}

export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
