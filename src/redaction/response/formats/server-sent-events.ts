import { type BodyFilter, type FilterOptions, fail, NOTHING, Parts, ValueFilter } from './body-filter';
import { EventData } from './event-data';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const BLANK = Buffer.from(' ');
const NEW_LINE = Buffer.from('\n');
const RETURN = Buffer.from('\r');
/** The other fields of the standard. Clients ignore all others, which could hold anything, so those are rejected. */
const OTHER_FIELDS = new Set(['', 'event', 'id', 'retry']);
const UNKNOWN_FIELD = 'A field of an event stream is not one of data, event, id, retry and comment.';
const LONGEST_NAME = 5;
const LONGEST_EVENT_NAME = 256;

/** Position in a line: in a field name, in `data`, in the value of `event`, `id` or `retry`, or in a comment. */
type Place = 'name' | 'data' | 'word' | 'comment';

/** Bytes that JSON has, and no event name, id or number. */
const JSON_SIGNS = [0x22, 0x5b, 0x7b];

/** The end of the line that `at` is in, or of the chunk. */
function endOfRun(chunk: Uint8Array, from: number): number {
  for (let at = from; at < chunk.length; at++) if (chunk[at] === LF || chunk[at] === CR) return at;
  return chunk.length;
}

/** Not a name that an event can have. */
const UNREAD_NAME = '\n';

/**
 * Server-sent events (HTML standard, section 9.2.6) whose data is JSON. The `data` lines of an event are one value together. The
 * policy is read for each line up to the first of these, because lines before it keep connections alive. If everything is enabled,
 * the line, or the event from its data on, passes through byte for byte, whatever its data is.
 *
 * Otherwise `event`, `id` and `retry` pass through unless they contain JSON; `[DONE]`, empty data and the data of text events
 * pass through; comments keep their blanks (padding) and lose their text.
 */
export class ServerSentEvents implements BodyFilter {
  readonly #value: ValueFilter;
  readonly #textEvents: ReadonlySet<string>;
  readonly #parts = new Parts();
  readonly #data: EventData;
  #between = true;
  #raw = false;
  /** Whether the data of a raw event has begun. */
  #rawData = false;
  #lineEmpty = true;
  #atStart = true;
  #bomBytes = 0;
  #afterCr = false;
  #place: Place = 'name';
  #name = '';
  #eventName: string | null = null;
  /** Blanks at the start of a comment; -1 after its text has begun. The first is held back. */
  #padding = 0;

  constructor(options: FilterOptions) {
    this.#value = new ValueFilter(options);
    this.#textEvents = options.textEvents;
    this.#data = new EventData(this.#value, this.#parts);
  }

  get withheld() {
    return this.#value.withheld;
  }

  get isPassingRecord() {
    return !this.#between && this.#raw && this.#rawData;
  }

  push(chunk: Uint8Array): Uint8Array {
    let at = 0;
    while (at < chunk.length) {
      if (this.#afterCr && chunk[at] === LF) {
        this.#joinLineEnd(chunk.subarray(at, at + 1));
        at++;
        continue;
      }
      this.#afterCr = false;
      if (this.#between) this.#beginEvent();
      else if (this.#raw && this.#lineEmpty && !this.#rawData) this.#raw = !this.#value.restricts;
      at = this.#raw ? this.#passLine(chunk, at) : this.#readOn(chunk, at);
    }
    return this.#parts.flush(chunk);
  }

  end(): Uint8Array {
    if (this.#raw) return NOTHING;
    if (this.#atStart && this.#bomBytes > 0) fail('An event stream ended within its byte order mark.');
    if (this.#place === 'name' && this.#name !== '') this.#beginValue();
    this.#data.end();
    return this.#parts.flush(NOTHING);
  }

  #beginEvent(): void {
    this.#between = false;
    this.#raw = !this.#value.restricts;
    this.#rawData = false;
    this.#lineEmpty = true;
    this.#eventName = null;
  }

  /** Passes bytes of a line of a raw event through, and the end of the line. */
  #passLine(chunk: Uint8Array, from: number): number {
    this.#atStart = false;
    const end = endOfRun(chunk, from);
    this.#readRawName(chunk.subarray(from, end));
    if (end > from) this.#lineEmpty = false;
    if (end < chunk.length) {
      if (this.#place === 'name') this.#endRawName();
      this.#place = 'name';
      this.#name = '';
      this.#between = this.#lineEmpty;
      this.#lineEmpty = true;
      this.#afterCr = chunk[end] === CR;
    }
    this.#parts.add(chunk.subarray(from, end + 1));
    return Math.min(end + 1, chunk.length);
  }

  #readRawName(run: Uint8Array): void {
    for (let at = 0; at < run.length && this.#place === 'name'; at++) {
      if (run[at] === COLON || this.#name.length === LONGEST_NAME) this.#endRawName();
      else this.#name += String.fromCharCode(run[at]!);
    }
  }

  #endRawName(): void {
    this.#place = 'word';
    this.#rawData ||= this.#name === 'data';
    if (this.#name === 'event') this.#eventName = UNREAD_NAME;
  }

  #readOn(chunk: Uint8Array, from: number): number {
    if (this.#atStart) {
      const at = this.#skipBom(chunk, from);
      if (at > from || at === chunk.length) return at;
    }
    const byte = chunk[from]!;
    if (byte === LF || byte === CR) {
      this.#endLine(byte === CR ? RETURN : NEW_LINE);
      this.#afterCr = byte === CR;
      return from + 1;
    }
    if (this.#place === 'name') {
      this.#pushName(byte);
      return from + 1;
    }
    const end = endOfRun(chunk, from);
    const run = chunk.subarray(from, end);
    if (this.#place === 'data') this.#data.push(run);
    else if (this.#place === 'comment') this.#pushComment(run);
    else this.#pushWord(run);
    return end;
  }

  /** One byte order mark may begin the stream. */
  #skipBom(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length && this.#bomBytes < BOM.length && chunk[at] === BOM[this.#bomBytes]) {
      at++;
      this.#bomBytes++;
    }
    if (at === chunk.length && this.#bomBytes < BOM.length) return at;
    if (this.#bomBytes > 0 && this.#bomBytes < BOM.length) fail('An event stream begins with half a byte order mark.');
    this.#atStart = false;
    if (this.#bomBytes > 0) this.#parts.add(BOM);
    return at;
  }

  #pushName(byte: number): void {
    if (byte === COLON) {
      this.#beginValue();
      if (this.#place !== 'data') this.#parts.add(Buffer.from(':'));
      return;
    }
    this.#name += String.fromCharCode(byte);
    if (this.#name.length > LONGEST_NAME) fail(UNKNOWN_FIELD);
  }

  /** A field name is complete. */
  #beginValue(): void {
    if (this.#name === 'data') {
      this.#place = 'data';
      this.#data.beginLine(this.#textEvents.has(this.#eventName?.replace(/^ /, '') || 'message'));
      return;
    }
    if (!OTHER_FIELDS.has(this.#name)) fail(UNKNOWN_FIELD);
    if (this.#name === 'event') {
      if (this.#data.isText) fail('An event of an event stream is named after its data.');
      this.#eventName = '';
    }
    this.#data.closeLine();
    this.#parts.add(Buffer.from(this.#name, 'latin1'));
    this.#place = this.#name === '' ? 'comment' : 'word';
    this.#padding = 0;
  }

  /** `end` is CR or LF; the LF after a CR comes later. */
  #endLine(end: Uint8Array): void {
    if (this.#place === 'name') {
      if (this.#name !== '') this.#beginValue();
      else {
        this.#data.endEvent();
        this.#data.closeLine();
        this.#between = true;
      }
    }
    if (this.#place === 'data') this.#data.endLine(end);
    else this.#parts.add(end);
    this.#place = 'name';
    this.#name = '';
  }

  /** The LF of a CR LF whose CR has been handled. */
  #joinLineEnd(lineFeed: Uint8Array): void {
    this.#afterCr = false;
    if (!this.#data.joinLineEnd()) this.#parts.add(lineFeed);
  }

  #pushWord(run: Uint8Array): void {
    if (JSON_SIGNS.some((sign) => run.includes(sign)))
      fail('A field of an event stream other than data contains JSON.');
    if (this.#name === 'event') {
      this.#eventName += Buffer.from(run).toString();
      if (this.#eventName!.length > LONGEST_EVENT_NAME) fail('The name of an event in an event stream is too long.');
    }
    this.#parts.add(run);
  }

  #pushComment(run: Uint8Array): void {
    if (this.#padding < 0) return;
    let blanks = 0;
    while (blanks < run.length && run[blanks] === SPACE) blanks++;
    const before = this.#padding;
    const all = before + blanks;
    if (all > 1 && before === 1) this.#parts.add(BLANK);
    if (all > 1) this.#parts.add(run.subarray(0, blanks));
    this.#padding = blanks < run.length ? -1 : all;
  }
}
