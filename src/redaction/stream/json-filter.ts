import type { Limits } from '../options';
import type { Fields } from '../path-matcher';
import { featuresOf, type PolicySource, RedactionPolicy, restricts, type Withheld } from '../policy';
import { type CreateScanner, createScanner } from './create-scanner';
import { JsonError, unredactable } from './json-error';
import { PathTracker } from './path-tracker';
import { Utf8Validator } from './utf8-validator';

/** Redacts one JSON text, given in pieces of any size. */
export interface JsonFilter {
  /**
   * Filters the next piece and calls `emit` with the result: at most once, before it returns. The result is a view of the piece
   * itself, or a new buffer.
   *
   * @throws KeyscopeError `unredactable_response` at the first syntax error. Nothing of that piece has been emitted, and every later
   * call throws the same.
   */
  write(piece: Uint8Array): void;
  /**
   * Says that there are no more pieces. Never emits.
   *
   * @throws KeyscopeError `unredactable_response` unless there has been exactly one whole JSON value
   */
  end(): void;
  /** Makes ready for another JSON text with the same fields; also after a fault. `source` must be of the same kind. */
  reset(source: PolicySource): void;
  /** The features of which a member was withheld since the filter was made. */
  readonly withheld: readonly Withheld[];
}

type Emit = (bytes: Uint8Array) => void;

/** Variations of a JSON body. */
export interface JsonVariant {
  /** Reads the policy for each value after the first. Undefined: the body is exactly one value. */
  readonly nextSource?: () => PolicySource;
  /** Whether the bytes may be in another charset than UTF-8 of which ASCII is a subset. Default false. */
  readonly anyCharset?: boolean;
}

interface FilterOptions {
  readonly fields: Fields;
  readonly source: PolicySource;
  readonly limits: Limits;
  readonly variant: JsonVariant;
}

class Filter implements JsonFilter {
  readonly #policy: RedactionPolicy;
  readonly #tracker: PathTracker;
  readonly #fields: Fields;
  readonly #utf8: Utf8Validator | null;
  readonly #emit: Emit;
  /** Whether the pieces belong to the filter, so that it may change them. */
  readonly #owns: boolean;
  /** The error after which nothing is emitted. */
  #ended: { readonly error: unknown } | null = null;
  /** Bytes that are needed again, in front of the next piece. The rest of the buffer is room to grow. */
  #held: Buffer = Buffer.alloc(0);
  #heldLength = 0;
  /** Bytes of the body before those held. */
  #before = 0;

  constructor(options: FilterOptions, emit: Emit, create: CreateScanner, owns: boolean) {
    const { fields, source, limits, variant } = options;
    const { nextSource } = variant;
    this.#utf8 = variant.anyCharset ? null : new Utf8Validator();
    this.#policy = new RedactionPolicy(fields, source);
    this.#fields = fields;
    const scanner = create(limits.depth, limits.keyBytes);
    this.#tracker = new PathTracker(
      this.#policy,
      limits,
      this.#rootFor(source),
      featuresOf(source) === undefined,
      scanner,
      fields.names,
      nextSource && (() => this.#begin(nextSource())),
    );
    this.#emit = emit;
    this.#owns = owns;
  }

  get withheld(): readonly Withheld[] {
    return this.#policy.withheld;
  }

  write(piece: Uint8Array): void {
    if (this.#ended !== null) throw this.#ended.error;
    // One class of buffer only, or the loops that read them turn polymorphic and slow.
    const chunk = Buffer.isBuffer(piece) ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let left: Buffer | null = null;
    try {
      left = this.#read(chunk);
    } catch (error) {
      throw this.#fail(error);
    }
    if (left !== null) this.#emit(left);
  }

  end(): void {
    if (this.#ended !== null) throw this.#ended.error;
    try {
      this.#tracker.finish(this.#heldLength);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #rootFor(source: PolicySource) {
    return restricts(source) ? this.#fields.root : null;
  }

  #begin(source: PolicySource) {
    this.#policy.begin(source);
    return this.#rootFor(source);
  }

  reset(source: PolicySource): void {
    this.#ended = null;
    this.#heldLength = 0;
    this.#before = 0;
    this.#utf8?.reset();
    this.#tracker.reset(this.#begin(source));
  }

  #read(chunk: Buffer): Buffer | null {
    if (this.#utf8?.accepts(chunk) === false) throw new JsonError('it is not UTF-8', this.#heldLength);
    const from = this.#heldLength;
    if (from > 0) this.#append(chunk, 0);
    const bytes = from > 0 ? this.#held : chunk;
    const end = from + chunk.length;
    const tracker = this.#tracker;
    tracker.run(bytes, from, end);
    const needed = tracker.pause(bytes, end);
    const left = tracker.output.flush(bytes, needed, from === 0, this.#owns);
    this.#before += needed;
    if (from === 0) {
      if (needed < end) this.#append(chunk, needed);
    } else {
      if (needed > 0) this.#held.copyWithin(0, needed, end);
      this.#heldLength = end - needed;
    }
    return left;
  }

  /** Appends to the held bytes. */
  #append(chunk: Buffer, from: number): void {
    const length = this.#heldLength + chunk.length - from;
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(256, length, this.#held.length * 2));
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    this.#held.set(from === 0 ? chunk : chunk.subarray(from), this.#heldLength);
    this.#heldLength = length;
  }

  #fail(error: unknown): unknown {
    const failure = error instanceof JsonError ? unredactable(error.what, this.#before + error.at) : error;
    this.#ended = { error: failure };
    return failure;
  }
}

/** @param create - the scanner to use, to compare both */
export function createJsonFilter(
  fields: Fields,
  source: PolicySource,
  limits: Limits,
  emit: Emit,
  create: CreateScanner = createScanner,
  variant: JsonVariant = {},
): JsonFilter {
  return new Filter({ fields, source, limits, variant }, emit, create, false);
}

/**
 * Redacts a JSON text that is in memory as a whole.
 *
 * @returns the redacted text; a view of the bytes if nothing had to be removed
 * @throws KeyscopeError `unredactable_response` unless it is exactly one whole JSON value
 */
export function filterText(
  text: string | Uint8Array,
  fields: Fields,
  source: PolicySource,
  limits: Limits,
  create: CreateScanner = createScanner,
): { readonly bytes: Uint8Array; readonly withheld: readonly Withheld[] } {
  let bytes: Uint8Array = Buffer.alloc(0);
  const keep = (left: Uint8Array): void => {
    bytes = left;
  };
  const isString = typeof text === 'string';
  const filter = new Filter({ fields, source, limits, variant: {} }, keep, create, isString);
  filter.write(isString ? Buffer.from(text) : text);
  filter.end();
  return { bytes, withheld: filter.withheld };
}
