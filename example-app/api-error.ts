/** An error of the platform, for the caller. */
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
