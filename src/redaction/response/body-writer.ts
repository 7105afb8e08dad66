import type { StreamDecision } from './body-decision';
import { type BodySink, Decompression } from './decompression';
import { DrainEvents } from './drain-events';
import { createBodyFilter } from './formats';
import { type BodyFilter, concat, copyIfShared, NOTHING } from './formats/body-filter';
import type { Callback } from './original-response';
import type { ResponseContext, ResponseHead } from './response-head';

/** Filters the bytes of one body on their way from `write` and `end` to the response. */
export class BodyWriter {
  readonly #filter: BodyFilter;
  readonly #sink: BodySink;
  readonly #head: ResponseHead;
  readonly #decompression: Decompression | undefined;

  constructor(
    { format, coding, anyCharset }: StreamDecision,
    context: ResponseContext,
    sink: BodySink,
    head: ResponseHead,
  ) {
    const { fields, limits, textEvents } = context.options;
    const getPolicy = () => context.getPolicy();
    this.#filter = createBodyFilter(format, { fields, limits, textEvents, getPolicy, anyCharset });
    this.#sink = sink;
    this.#head = head;
    if (coding === null) return;
    this.#decompression = new Decompression(coding, this.#filter, sink, context.drain ?? new DrainEvents(context.res));
    context.res.once('close', () => this.destroy());
  }

  get withheld(): BodyFilter['withheld'] {
    return this.#filter.withheld;
  }

  get isPassingRecord(): boolean {
    return this.#filter.isPassingRecord;
  }

  /** Whether the body has ended, though its last bytes may still be in the decoder. */
  get isDecoding(): boolean {
    return this.#decompression?.ended === true;
  }

  write(bytes: Uint8Array, callback: Callback | undefined): boolean {
    if (this.#decompression) return this.#decompression.write(bytes, callback);
    const sent = this.#attempt(() => this.#filter.push(bytes));
    if (sent === undefined) return this.#sink.deliver(NOTHING, callback);
    // A chunk that passes through is the handler's, who may still change it as without us.
    return this.#sink.deliver(sent === bytes && this.#head.isOpen ? sent : copyIfShared(sent, bytes), callback);
  }

  end(bytes: Uint8Array): void {
    if (this.#decompression) {
      this.#decompression.end(bytes);
      return;
    }
    const sent = this.#attempt(() => copyIfShared(concat(this.#filter.push(bytes), this.#filter.end()), bytes));
    if (sent !== undefined) this.#sink.finish(sent);
  }

  destroy(): void {
    this.#decompression?.destroy();
  }

  #attempt(step: () => Uint8Array): Uint8Array | undefined {
    try {
      return step();
    } catch (error) {
      this.#sink.fail(error);
      return undefined;
    }
  }
}
