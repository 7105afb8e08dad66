import { SlicedQueue } from '../../sliced-queue';

/** A response that is looked at from time to time while it is open. */
export interface OpenResponse {
  /** Its place in {@link OpenResponses}; -1: none. */
  place: number;
  /** Returns false if it is over. */
  check(): boolean;
}

/** Checks the responses that are open. Responses that end between two checks cost a place in an array. */
export class OpenResponses {
  readonly #interval: number;
  readonly #responses: OpenResponse[] = [];
  readonly #queue = new SlicedQueue<OpenResponse>((response) => this.#visit(response));
  #timer: NodeJS.Timeout | undefined;

  constructor(interval: number) {
    this.#interval = interval;
  }

  add(response: OpenResponse): void {
    response.place = this.#responses.push(response) - 1;
    this.#timer ??= setInterval(() => this.#checkAll(), this.#interval).unref();
  }

  delete(response: OpenResponse): void {
    if (response.place === -1) return;
    const last = this.#responses.pop()!;
    if (last !== response) this.#responses[response.place] = last;
    last.place = response.place;
    response.place = -1;
  }

  #checkAll(): void {
    for (const response of this.#responses) this.#queue.add(response);
    if (this.#responses.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #visit(response: OpenResponse): boolean {
    if (response.place !== -1 && !response.check()) this.delete(response);
    return true;
  }
}
