import { type IsOver, SlicedQueue } from '../../sliced-queue';

/** A response that is looked at from time to time while it is open. */
export interface OpenResponse {
  /** Its place in {@link OpenResponses}; -1: none. */
  place: number;
  /** Returns false if it is over, or has been ended by this. */
  check(): boolean;
}

/** Checks the responses that are open. Responses that end between two checks cost a place in an array. */
export class OpenResponses {
  readonly #interval: number;
  readonly #responses: OpenResponse[] = [];
  readonly #queue: SlicedQueue<OpenResponse>;
  #timer: NodeJS.Timeout | undefined;

  constructor(interval: number) {
    this.#interval = interval;
    this.#queue = new SlicedQueue(interval, (response, isOver) => this.#visit(response, isOver));
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

  #visit(response: OpenResponse, isOver: IsOver): boolean {
    if (response.place === -1 || response.check()) return true;
    this.delete(response);
    isOver(true);
    return true;
  }
}
