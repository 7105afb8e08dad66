import { SlicedQueue } from '../../sliced-queue';

/** A response that is looked at from time to time while it is open. Returns false if it is over. */
type OpenResponse = { check(): boolean };

/** Checks the responses that are open. Responses that end between two checks cost an insertion into a set. */
export class OpenResponses {
  readonly #interval: number;
  readonly #responses = new Set<OpenResponse>();
  readonly #queue = new SlicedQueue<OpenResponse>((response) => this.#visit(response));
  #timer: NodeJS.Timeout | undefined;

  constructor(interval: number) {
    this.#interval = interval;
  }

  add(response: OpenResponse): void {
    this.#responses.add(response);
    this.#timer ??= setInterval(() => this.#checkAll(), this.#interval).unref();
  }

  delete(response: OpenResponse): void {
    this.#responses.delete(response);
  }

  #checkAll(): void {
    for (const response of this.#responses) this.#queue.add(response);
    if (this.#responses.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #visit(response: OpenResponse): boolean {
    if (this.#responses.has(response) && !response.check()) this.#responses.delete(response);
    return true;
  }
}
