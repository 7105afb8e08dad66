import { type BodyFilter, type FilterOptions, fail, NOTHING, Parts, skipWhiteSpace, ValueFilter } from './body-filter';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** Ends many streams of JSON events, though it is not JSON. */
const DONE = Buffer.from('[DONE]');
const DATA = Buffer.from('data:');
const BLANK = Buffer.from(' ');
const NEW_LINE = Buffer.from('\n');
const RETURN = Buffer.from('\r');
const RETURN_NEW_LINE = Buffer.from('\r\n');
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

/**
 * Server-sent events (HTML standard, section 9.2.6) whose data is JSON. The `data` lines of an event are one value together. The
 * policy is read when an event begins: if everything is enabled, the event passes through byte for byte, whatever its data is.
 *
 * Otherwise `event`, `id` and `retry` pass through unless they contain JSON; `[DONE]`, empty data and the data of text events
 * pass through; comments keep their blanks (padding) and lose their text.
 */
export class ServerSentEvents implements BodyFilter {
  readonly #value: ValueFilter;
  readonly #textEvents: ReadonlySet<string>;
  readonly #parts = new Parts();
  #between = true;
  #raw = false;
  #lineEmpty = true;
  #atStart = true;
  #bomBytes = 0;
  #afterCr = false;
  #place: Place = 'name';
  #name = '';
  #eventName: string | null = null;
  /** Whether this event's data is text that passes through. */
  #isText = false;
  /** Whether this event's data has begun with anything but white space. */
  #begun = false;
  /** How many bytes of `[DONE]` the data has matched, which are held back; -1 if it is other data. */
  #done = 0;
  /** Whether a data line has been sent without its end. The end is held back once it is known. */
  #lineOpen = false;
  #lineEnd: Uint8Array = NEW_LINE;
  #endHeld = false;
  /** Blanks at the start of a comment; -1 after its text has begun. The first is held back. */
  #padding = 0;

  constructor(options: FilterOptions) {
    this.#value = new ValueFilter(options);
    this.#textEvents = options.textEvents;
  }

  get withheld() {
    return this.#value.withheld;
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
      at = this.#raw ? this.#passEvent(chunk, at) : this.#readOn(chunk, at);
    }
    return this.#parts.flush(chunk);
  }

  end(): Uint8Array {
    if (this.#raw) return NOTHING;
    if (this.#atStart && this.#bomBytes > 0) fail('An event stream ended within its byte order mark.');
    if (this.#place === 'name' && this.#name !== '') this.#beginValue();
    this.#endEvent();
    if (this.#endHeld) this.#closeLine();
    return this.#parts.flush(NOTHING);
  }

  #beginEvent(): void {
    this.#between = false;
    this.#raw = !this.#value.restricts;
    this.#lineEmpty = true;
    this.#eventName = null;
    this.#isText = false;
  }

  /** Passes bytes of a raw event through, up to the blank line that ends it. */
  #passEvent(chunk: Uint8Array, from: number): number {
    this.#atStart = false;
    let at = from;
    while (at < chunk.length && !this.#between) {
      const byte = chunk[at++]!;
      if (byte !== LF && byte !== CR) {
        this.#lineEmpty = this.#afterCr = false;
        at = endOfRun(chunk, at);
      } else if (byte === LF && this.#afterCr) {
        this.#afterCr = false;
      } else {
        this.#between = this.#lineEmpty;
        this.#lineEmpty = true;
        this.#afterCr = byte === CR;
      }
    }
    this.#parts.add(chunk.subarray(from, at));
    return at;
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
    if (this.#place === 'data') this.#pushData(run);
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
      this.#isText ||= !this.#begun && this.#textEvents.has(this.#eventName?.replace(/^ /, '') || 'message');
      if (!this.#begun) this.#openLine();
      else this.#pushData(NEW_LINE);
      this.#endHeld = false;
      return;
    }
    if (!OTHER_FIELDS.has(this.#name)) fail(UNKNOWN_FIELD);
    if (this.#name === 'event') {
      if (this.#isText) fail('An event of an event stream is named after its data.');
      this.#eventName = '';
    }
    this.#closeLine();
    this.#parts.add(Buffer.from(this.#name, 'latin1'));
    this.#place = this.#name === '' ? 'comment' : 'word';
    this.#padding = 0;
  }

  /** `end` is CR or LF; the LF after a CR comes later. */
  #endLine(end: Uint8Array): void {
    if (this.#place === 'name') {
      if (this.#name !== '') this.#beginValue();
      else {
        this.#endEvent();
        this.#closeLine();
        this.#between = true;
      }
    }
    if (this.#place === 'data') {
      this.#lineEnd = end;
      this.#endHeld = true;
    } else this.#parts.add(end);
    this.#place = 'name';
    this.#name = '';
  }

  /** The LF of a CR LF whose CR has been handled. */
  #joinLineEnd(lineFeed: Uint8Array): void {
    this.#afterCr = false;
    if (this.#endHeld) this.#lineEnd = RETURN_NEW_LINE;
    else this.#parts.add(lineFeed);
  }

  #endEvent(): void {
    if (this.#begun && this.#done === DONE.length) this.#sendPart(DONE);
    else if (this.#begun && !this.#isText) {
      this.#releaseDone();
      this.#value.end();
    }
    this.#begun = false;
    this.#done = 0;
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

  #pushData(data: Uint8Array): void {
    if (this.#isText) {
      this.#sendPart(data);
      return;
    }
    let from = 0;
    if (!this.#begun) {
      from = skipWhiteSpace(data, 0);
      this.#sendPart(data.subarray(0, from));
      if (from === data.length) return;
      this.#begun = true;
    }
    const rest = data.subarray(from);
    const at = this.#done >= 0 ? this.#matchDone(rest) : 0;
    if (at < rest.length) this.#send(this.#value.write(rest.subarray(at)));
  }

  /** Holds data back that may become `[DONE]`, six bytes at most. Returns the start of other data. */
  #matchDone(data: Uint8Array): number {
    let at = 0;
    while (at < data.length && this.#done < DONE.length && data[at] === DONE[this.#done]) {
      at++;
      this.#done++;
    }
    if (at === data.length) return at;
    if (this.#done === DONE.length) {
      if (skipWhiteSpace(data, at) < data.length) fail('The data of an event goes on after [DONE].');
      return data.length;
    }
    this.#releaseDone();
    this.#done = -1;
    return at;
  }

  #releaseDone(): void {
    const held = DONE.subarray(0, Math.max(0, this.#done));
    if (held.length > 0) this.#send(this.#value.write(held));
  }

  /** Sends a part of a value. A line feed in it stands between two data lines. */
  #send(bytes: Uint8Array): void {
    let from = 0;
    for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, from)) {
      this.#sendPart(bytes.subarray(from, at));
      this.#openLine();
      from = at + 1;
    }
    this.#sendPart(bytes.subarray(from));
  }

  #sendPart(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (!this.#lineOpen) this.#openLine();
    this.#parts.add(bytes);
  }

  #openLine(): void {
    this.#closeLine();
    this.#parts.add(DATA);
    this.#lineOpen = true;
  }

  #closeLine(): void {
    if (this.#lineOpen) this.#parts.add(this.#lineEnd);
    this.#lineOpen = false;
    this.#endHeld = false;
  }
}
