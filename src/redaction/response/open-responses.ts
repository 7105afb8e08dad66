/** A response that is looked at from time to time while it is open. */
export interface OpenResponse {
  /** Returns false if the response is over. */
  check(): boolean;
}

/** Checks the responses that are open. Responses that end between two checks cost an insertion into a set. */
export class OpenResponses {
  readonly #interval: number;
  readonly #responses = new Set<OpenResponse>();
  #timer: NodeJS.Timeout | undefined;

  /** @param interval - milliseconds between two checks */
  constructor(interval: number) {
    this.#interval = interval;
  }

  add(response: OpenResponse): void {
    this.#responses.add(response);
    this.#timer ??= setInterval(() => this.#check(), this.#interval).unref();
  }

  delete(response: OpenResponse): void {
    this.#responses.delete(response);
  }

  #check(): void {
    for (const response of this.#responses) if (!response.check()) this.#responses.delete(response);
    if (this.#responses.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
