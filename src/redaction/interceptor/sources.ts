import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

function isReadable(source: unknown): source is Readable {
  return typeof (source as Readable | undefined)?.unpipe === 'function';
}

/** The streams that are piped into a response. */
export class Sources {
  readonly #res: ServerResponse;
  #piped: readonly Readable[] = [];

  constructor(res: ServerResponse) {
    this.#res = res;
    res.on('pipe', (source: unknown) => {
      if (isReadable(source)) this.#piped = [...this.#piped, source];
    });
  }

  /** Lets them go: one whose data nobody takes any more would hold its file or connection for ever. */
  leave(): void {
    for (const source of this.#piped) {
      source.unpipe(this.#res);
      if (source.listenerCount('data') === 0) source.destroy();
    }
    this.#piped = [];
  }
}
