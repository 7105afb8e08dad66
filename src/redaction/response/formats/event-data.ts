import { fail, type Parts, skipWhiteSpace, type ValueFilter } from './body-filter';

const LF = 0x0a;
/** Ends many streams of JSON events, though it is not JSON. */
const DONE = Buffer.from('[DONE]');
const DATA = Buffer.from('data:');
const NEW_LINE = Buffer.from('\n');
const RETURN_NEW_LINE = Buffer.from('\r\n');

/** The `data` lines of the events of a stream. The lines of one event are one JSON value, or `[DONE]`, or text. */
export class EventData {
  readonly #value: ValueFilter;
  readonly #parts: Parts;
  /** True if this event's data is text that passes through. */
  #isText = false;
  /** True if this event's data has begun with anything but white space. */
  #begun = false;
  /** Number of bytes of `[DONE]` that the data has matched, which are held back; -1 if it is other data. */
  #done = 0;
  /** True if a data line has been sent without its end. The end is held back once it is known. */
  #lineOpen = false;
  #lineEnd: Uint8Array = NEW_LINE;
  #endHeld = false;

  constructor(value: ValueFilter, parts: Parts) {
    this.#value = value;
    this.#parts = parts;
  }

  get isText(): boolean {
    return this.#isText;
  }

  /** A `data` field begins. `isText`: the data of an event of this name is text. */
  beginLine(isText: boolean): void {
    if (this.#begun) this.push(NEW_LINE);
    else {
      this.#isText ||= isText;
      this.#openLine();
    }
    this.#endHeld = false;
  }

  /** A `data` line ends with CR or LF. */
  endLine(end: Uint8Array): void {
    this.#lineEnd = end;
    this.#endHeld = true;
  }

  /** An LF follows the CR of a line. False if that is no data line. */
  joinLineEnd(): boolean {
    if (this.#endHeld) this.#lineEnd = RETURN_NEW_LINE;
    return this.#endHeld;
  }

  /** The event ends, before the end of its last data line is sent. */
  endEvent(): void {
    if (this.#begun && this.#done === DONE.length) this.#sendPart(DONE);
    else if (this.#begun && !this.#isText) {
      this.#releaseDone();
      this.#value.end();
    }
    this.#begun = false;
    this.#isText = false;
    this.#done = 0;
  }

  /** The stream ends. */
  end(): void {
    this.endEvent();
    if (this.#endHeld) this.closeLine();
  }

  push(data: Uint8Array): void {
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
    this.closeLine();
    this.#parts.add(DATA);
    this.#lineOpen = true;
  }

  /** Sends the end of the data line before, if that is open. */
  closeLine(): void {
    if (this.#lineOpen) this.#parts.add(this.#lineEnd);
    this.#lineOpen = false;
    this.#endHeld = false;
  }
}
