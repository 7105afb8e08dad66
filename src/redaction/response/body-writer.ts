import type { StreamDecision } from './body-decision';
import { type BodySink, Decompression } from './decompression';
import { DrainEvents } from './drain-events';
import { createBodyFilter } from './formats';
import { type BodyFilter, concat, copyIfShared, NOTHING } from './formats/body-filter';
import type { Callback } from './hooks';
import type { ResponseContext } from './response-context';

/** The filter of a body. It reads the policy for each record. */
export function createFilter({ format, anyCharset }: StreamDecision, context: ResponseContext): BodyFilter {
  const { fields, limits, textEvents } = context.route.options;
  const getPolicy = () => context.getPolicy();
  return createBodyFilter(format, { fields, limits, textEvents, getPolicy, anyCharset });
}

/** Filters the bytes of one body on their way from `write` and `end` to the response. */
export class BodyWriter {
  readonly #context: ResponseContext;
  readonly #filter: BodyFilter;
  readonly #sink: BodySink;
  readonly #decompression: Decompression | undefined;

  constructor(decision: StreamDecision, context: ResponseContext, sink: BodySink) {
    const { coding } = decision;
    this.#context = context;
    this.#filter = createFilter(decision, context);
    this.#sink = sink;
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
    return this.#sink.deliver(
      sent === bytes && !this.#context.isRestricted ? sent : copyIfShared(sent, bytes),
      callback,
    );
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
