import { JsonFilter } from '../../stream/json-filter';
import { type BodyFilter, type FilterOptions, fail, HELD_BYTES, NOTHING, Parts } from './body-filter';

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const LONGEST_NAME = 5;
const BOM = '\u00ef\u00bb\u00bf';
/** Ends many streams of JSON events, though it is not JSON. */
const DONE = '[DONE]';
/** A line and its end. */
const LINE = /([^\r\n]*)(\r\n|\r|\n|$)/g;
/** Fields of the standard, and comments, which have an empty name. Clients ignore others, which could hold anything. */
const FIELD = /^(data|event|id|retry|)(?::(.*))?$/;
/** Characters that JSON has, and no event name, id or number. */
const JSON_SIGN = /["[{]/;

interface Line {
  readonly name: string;
  /** Behind the colon; undefined if there is no colon. */
  readonly value: string | undefined;
  readonly end: string;
}

/** Lines of an event, in Latin-1. */
function readLines(event: string): Line[] {
  const lines: Line[] = [];
  for (const [whole, text, end] of event.matchAll(LINE)) {
    if (whole === '') continue;
    const [, name, value] =
      FIELD.exec(text!) ?? fail('A field of an event stream is not one of data, event, id, retry.');
    if (name !== 'data' && name !== '' && JSON_SIGN.test(value ?? '')) {
      fail('A field of an event stream other than data contains JSON.');
    }
    lines.push({ name: name!, value, end: end! });
  }
  return lines;
}

/** The line as it is sent. A comment keeps its blanks, which some servers send as padding, and loses its text. */
function print({ name, value, end }: Line): string {
  if (name !== '' || value === undefined) return name + (value === undefined ? '' : `:${value}`) + end;
  const [blanks] = /^ */.exec(value)!;
  return `:${blanks.length > 1 || blanks === value ? blanks : ''}${end}`;
}

/**
 * Server-sent events (HTML standard, section 9.2.6) whose data is JSON. The `data` lines of an event are one value together. The
 * policy is read for each line up to the first of these, because lines before it keep connections alive. If everything is enabled,
 * the line, or the event from its data on, passes through byte for byte, whatever its data is.
 *
 * Otherwise the event is held back until it is complete, as clients do. `event`, `id` and `retry` pass through unless they contain
 * JSON; `[DONE]`, empty data and the data of text events pass through. Comments between events are sent line by line.
 */
export class ServerSentEvents implements BodyFilter {
  readonly value: JsonFilter;
  readonly #textEvents: ReadonlySet<string>;
  readonly #sent = new Parts();
  /** Chunks of the event that is held back. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #atStart = true;
  #between = true;
  #raw = false;
  /** Whether the data of a raw event has begun. */
  #rawData = false;
  /** The name of the raw line that is read; null if it is complete. */
  #rawName: string | null = null;
  /** Whether the event has a name that was not read. */
  #hasUnreadName = false;
  #isComment = false;
  #lineEmpty = true;
  #afterCr = false;

  constructor(options: FilterOptions) {
    this.value = new JsonFilter(options);
    this.#textEvents = options.textEvents;
  }

  get isPassingRecord() {
    return !this.#between && this.#raw && this.#rawData;
  }

  push(chunk: Uint8Array): Uint8Array {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      const isJoined = this.#afterCr && byte === LF;
      this.#afterCr = byte === CR;
      if (isJoined && this.#between) {
        // The second half of the last line end of an event.
        this.#sent.add(chunk.subarray(at, at + 1));
        from = at + 1;
      }
      if (isJoined) continue;
      if (this.#between) this.#begin(byte);
      else if (this.#lineEmpty && this.#raw && !this.#rawData && this.value.restricts) {
        this.#add(chunk.subarray(from, at));
        from = at;
        this.#raw = false;
      }
      const isLineEnd = byte === LF || byte === CR;
      if (this.#raw && this.#rawName !== null) this.#readRawName(byte, isLineEnd);
      if (isLineEnd && (this.#lineEmpty || this.#isComment)) {
        this.#add(chunk.subarray(from, at + 1));
        this.#end();
        from = at + 1;
      }
      if (isLineEnd) this.#rawName = '';
      this.#lineEmpty = isLineEnd;
    }
    if (from < chunk.length) this.#add(chunk.subarray(from));
    return this.#sent.flush(chunk);
  }

  end(): Uint8Array {
    this.#end();
    return this.#sent.flush(NOTHING);
  }

  #begin(first: number): void {
    this.#between = false;
    this.#raw = !this.value.restricts;
    this.#rawData = false;
    this.#rawName = '';
    this.#hasUnreadName = false;
    this.#isComment = first === COLON;
    this.#lineEmpty = true;
  }

  #readRawName(byte: number, isLineEnd: boolean): void {
    const name = this.#rawName!;
    const isComplete = isLineEnd || byte === COLON;
    this.#rawName = isComplete || name.length === LONGEST_NAME ? null : name + String.fromCharCode(byte);
    if (isComplete && name === 'data') this.#rawData = true;
    if (isComplete && name === 'event') this.#hasUnreadName = true;
  }

  #add(bytes: Uint8Array): void {
    if (this.#raw) {
      this.#sent.add(bytes);
      return;
    }
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > HELD_BYTES) fail('An event of an event stream is too long.');
    this.#held.push(Buffer.from(bytes));
  }

  /** An event, or a comment before it, is complete. */
  #end(): void {
    const event = Buffer.concat(this.#held).toString('latin1');
    this.#held = [];
    this.#heldBytes = 0;
    this.#between = true;
    if (event !== '') this.#sent.add(Buffer.from(this.#redact(event), 'latin1'));
    this.#atStart = false;
  }

  #redact(event: string): string {
    const bom = this.#atStart && event.startsWith(BOM) ? BOM : '';
    const lines = readLines(event.slice(bom.length));
    const data = lines.filter(({ name }) => name === 'data');
    const before = data.map(({ value = '' }) => value).join('\n');
    const after = this.#isSentAsIs(before, lines) ? before : this.#filter(before);
    if (after === before) return bom + lines.map(print).join('');
    const values = after.split('\n');
    const [first, last] = [data[0]!, data.at(-1)!];
    const redacted = values.map((value, i) => {
      const end = i < values.length - 1 ? first.end : last.end || first.end;
      return print({ name: 'data', value, end });
    });
    // All data at the place of its first line: other fields of the event may stand between two of them.
    const others = (line: Line) => (line.name === 'data' ? '' : print(line));
    return bom + lines.map((line) => (line === first ? redacted.join('') : others(line))).join('');
  }

  #isSentAsIs(data: string, lines: readonly Line[]): boolean {
    const text = data.trim();
    if (text === '' || text === DONE) return true;
    // A name behind the data, or one of several, is not relied on.
    const [line, ...others] = lines.filter(({ name }) => name === 'event' || name === 'data');
    if (line === undefined || this.#hasUnreadName || others.some(({ name }) => name === 'event')) return false;
    const event = (line.name === 'event' && line.value?.replace(/^ /, '')) || 'message';
    return this.#textEvents.has(Buffer.from(event, 'latin1').toString());
  }

  #filter(data: string): string {
    const filtered = Buffer.from(this.value.write(Buffer.from(data, 'latin1'))).toString('latin1');
    this.value.end();
    return filtered;
  }
}
