import type { Limits } from '../options';
import type { Fields, PathState } from '../path-matcher';
import { featuresOf, type PolicySource, RedactionPolicy, restricts, type Withheld } from '../policy';
import { JsonError } from './json-error';
import { PathTracker } from './path-tracker';
import { Utf8Validator } from './utf8-validator';

const NOTHING: Buffer = Buffer.alloc(0);

export interface JsonFilterOptions {
  readonly fields: Fields;
  readonly limits: Limits;
  /** Reads the policy of this moment. Asked at the beginning of each value. Its kind must not change. */
  readonly getPolicy: () => PolicySource;
  /** Whether the bytes may be in another charset than UTF-8 of which ASCII is a subset. Default false. */
  readonly anyCharset?: boolean;
}

/** JSON values, one after the other, each given in pieces of any size and redacted by the policy of the moment at which it begins. */
export class JsonFilter {
  /** The policy that the last value was redacted by. */
  readonly policy: RedactionPolicy;
  readonly #tracker: PathTracker;
  readonly #fields: Fields;
  readonly #getPolicy: () => PolicySource;
  readonly #utf8: Utf8Validator | null;
  #between = true;
  /** The error after which nothing is returned. */
  #ended: { readonly error: unknown } | null = null;
  /** Bytes that are needed again, in front of the next piece. The rest of the buffer is room to grow. */
  #held: Buffer = Buffer.alloc(0);
  #heldLength = 0;
  /** Bytes of the body before those held. */
  #before = 0;

  /** @param concatenated - whether more values may follow the first without an `end` between them */
  constructor({ fields, limits, getPolicy, anyCharset = false }: JsonFilterOptions, concatenated = false) {
    const source = getPolicy();
    const isMixed = featuresOf(source) === undefined;
    this.#utf8 = anyCharset ? null : new Utf8Validator();
    this.policy = new RedactionPolicy(fields, source);
    this.#fields = fields;
    this.#getPolicy = getPolicy;
    const nextValue = concatenated ? () => this.#begin() : undefined;
    this.#tracker = new PathTracker(this.policy, limits, isMixed, fields.names, nextValue);
  }

  /** Whether anything could have to be withheld now. */
  get restricts(): boolean {
    return restricts(this.#getPolicy());
  }

  /**
   * Whether a value is under way that was redacted by rules that allow more than `source`.
   *
   * @param isWaiting - whether a part of the output has not been sent yet
   */
  isOutdated(source: PolicySource, isWaiting: boolean): boolean {
    return !this.#between && (isWaiting || !this.#tracker.isDone) && this.policy.isLooserThan(source);
  }

  /** The features of which a member was withheld since the filter was made. */
  get withheld(): readonly Withheld[] {
    return this.policy.withheld;
  }

  /**
   * Filters the next piece of a value. The result is a view of the piece itself, or a new buffer.
   *
   * @throws KeyscopeError `unredactable_response` at the first syntax error. Nothing of that piece is returned, and every later
   * call throws the same.
   */
  write(piece: Uint8Array): Uint8Array {
    if (this.#ended !== null) throw this.#ended.error;
    // One class of buffer only, or the loops that read them turn polymorphic and slow.
    const chunk = Buffer.isBuffer(piece) ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    try {
      if (this.#between) this.#reset();
      return this.#read(chunk) ?? NOTHING;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /**
   * The value has ended.
   *
   * @throws KeyscopeError `unredactable_response` unless it was exactly one whole JSON value, or several if they are concatenated
   */
  end(): void {
    if (this.#ended !== null) throw this.#ended.error;
    try {
      this.#tracker.finish(this.#heldLength);
      this.#between = true;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #begin(): PathState | null {
    const source = this.#getPolicy();
    this.policy.begin(source);
    return restricts(source) ? this.#fields.root : null;
  }

  #reset(): void {
    this.#between = false;
    this.#heldLength = 0;
    this.#before = 0;
    this.#tracker.reset(this.#begin());
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
    const left = tracker.output.flush(bytes, needed, from === 0);
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
    const failure = error instanceof JsonError ? error.toKeyscopeError(this.#before) : error;
    this.#ended = { error: failure };
    return failure;
  }
}
