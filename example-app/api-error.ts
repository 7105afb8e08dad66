/** An error that the platform itself has to tell its caller about. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** e.g. `PROJECT_NOT_FOUND`. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
