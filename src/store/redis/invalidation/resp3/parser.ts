/** An error reply. Named as in ioredis, so that refusals are recognised alike. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

export interface Resp3Handlers {
  /** A reply. Maps and sets are flat arrays, as in RESP2. */
  onReply(reply: unknown): void;
  /** An out-of-band message, such as an invalidation. */
  onPush(message: readonly unknown[]): void;
}

interface OpenAggregate {
  /** `|` is an attribute, which is dropped. */
  readonly type: string;
  readonly items: unknown[];
  missing: number;
}

/** Bounds on what is accepted. No reply on a feed comes near them. */
const MAX_LINE = 65_536;
const MAX_STRING = 4_194_304;
const MAX_DEPTH = 16;

const MAX_COUNT = 9_999_999_999;

function numberOf(text: string): number {
  if (text === 'nan') return Number.NaN;
  if (/^-?inf$/.test(text)) return text === 'inf' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (!/^[+-]?\d[\d.]*(?:[eE][+-]?\d+)?$/.test(text)) throw new Error('A number is invalid.');
  return Number(text);
}

/** Types that are complete with their line. */
const SCALARS: Readonly<Record<string, (text: string) => unknown>> = {
  '+': (text) => text,
  '-': (text) => new ReplyError(text),
  ':': numberOf,
  ',': numberOf,
  '(': (text) => text,
  '#': (text) => text === 't',
  _: () => null,
};
/** Types whose line is the length of what follows: bytes of a string, or members of an aggregate, by values a member. */
const STRINGS = new Set(['$', '!', '=']);
const AGGREGATES: Readonly<Record<string, number>> = { '*': 1, '~': 1, '>': 1, '%': 2, '|': 2 };
/** Types that are null with the length -1. */
const NULLABLE = new Set(['$', '*']);

const CR = 13;
const LF = 10;
const EMPTY = Buffer.alloc(0);

function lengthOf(text: string, max: number): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > max) throw new Error('The length in a message is invalid.');
  return Number(text);
}

/**
 * Incremental parser of RESP3, the protocol of Redis 6 and later. Each byte is read once, however the messages are split.
 * Throws on data that is not RESP3; the connection must be closed then.
 *
 * Only for feeds: streamed strings and aggregates, which no server sends, are errors.
 */
export class Resp3Parser {
  readonly #handlers: Resp3Handlers;
  #rest: Buffer = EMPTY;
  readonly #open: OpenAggregate[] = [];
  /** A string whose length is known: its type and length. */
  #string: { readonly type: string; readonly length: number } | null = null;

  constructor(handlers: Resp3Handlers) {
    this.#handlers = handlers;
  }

  write(chunk: Buffer): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let position = 0;
    for (;;) {
      const next = this.#string === null ? this.#readLine(data, position) : this.#readString(data, position);
      if (next === null) break;
      position = next;
    }
    this.#rest = position === data.length ? EMPTY : data.subarray(position);
  }

  /** Reads up to the end of a line. Returns the position after it, or null if it is not complete. */
  #readLine(data: Buffer, start: number): number | null {
    const end = data.indexOf(CR, start);
    if ((end < 0 ? data.length : end) - start > MAX_LINE) throw new Error('A line is too long.');
    if (end < 0 || end + 1 === data.length) return null;
    if (data[end + 1] !== LF || end === start) throw new Error('A line is invalid.');
    this.#interpret(String.fromCharCode(data[start] as number), data.toString('utf8', start + 1, end));
    return end + 2;
  }

  #readString(data: Buffer, start: number): number | null {
    const { type, length } = this.#string as { type: string; length: number };
    const end = start + length;
    if (data.length < end + 2) return null;
    if (data[end] !== CR || data[end + 1] !== LF) throw new Error('A string is longer than its length.');
    this.#string = null;
    const text = data.toString('utf8', start, end);
    if (type === '!') this.#add(new ReplyError(text));
    // A verbatim string begins with its format: `txt:`.
    else this.#add(type === '=' ? text.slice(4) : text);
    return end + 2;
  }

  #interpret(type: string, text: string): void {
    const scalar = SCALARS[type];
    if (scalar !== undefined) this.#add(scalar(text));
    else if (text === '-1' && NULLABLE.has(type)) this.#add(null);
    else if (STRINGS.has(type)) this.#string = { type, length: lengthOf(text, MAX_STRING) };
    else if (type in AGGREGATES) this.#begin(type, (AGGREGATES[type] as number) * lengthOf(text, MAX_COUNT));
    else throw new Error('A message has an unknown type.');
  }

  #begin(type: string, count: number): void {
    if (this.#open.length >= MAX_DEPTH) throw new Error('A message is nested too deeply.');
    this.#open.push({ type, items: [], missing: count });
    if (count === 0) this.#complete();
  }

  #add(value: unknown): void {
    const parent = this.#open.at(-1);
    if (parent === undefined) {
      this.#handlers.onReply(value);
      return;
    }
    parent.items.push(value);
    parent.missing -= 1;
    if (parent.missing === 0) this.#complete();
  }

  #complete(): void {
    const { type, items } = this.#open.pop() as OpenAggregate;
    // A value follows an attribute, and takes the place that the attribute has not taken.
    if (type === '|') return;
    if (type !== '>') this.#add(items);
    else if (this.#open.length > 0) throw new Error('A push is inside another message.');
    else this.#handlers.onPush(items);
  }
}
