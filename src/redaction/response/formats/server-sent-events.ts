import { type BodyFilter, DocumentFilter, doubt, type FilterTerms, Output, skipWhiteSpace } from './body-filter';

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** What many streams of JSON events end with, though it is no JSON. */
const DONE = Buffer.from('[DONE]');
const DATA = Buffer.from('data:');
const NEW_LINE = Buffer.from('\n');
const RETURN = Buffer.from('\r');
const RETURN_NEW_LINE = Buffer.from('\r\n');
/** The fields there are; what clients ignore may hold anything, and does not leave. */
const OTHER_FIELDS = new Set(['', 'event', 'id', 'retry']);
const LONGEST_NAME = 5;

/** Where in a line we are: in its field's name, in the value of `data`, in that of a field that is a word or two, in a comment. */
type Place = 'name' | 'data' | 'word' | 'comment';

/** What no name of an event, id or number has, and JSON does. */
const SIGNS = [0x22, 0x5b, 0x7b];

/**
 * Server-sent events (HTML standard, 9.2.6) whose data are JSON values. An event's `data` lines together are one value;
 * the fields `event`, `id` and `retry` leave as they come, unless there is JSON in them. `[DONE]` and empty data are let
 * through. Comments keep connections alive, and where anything is withheld leave without what they say.
 */
export function filterEvents(terms: FilterTerms): BodyFilter {
  const document = new DocumentFilter(terms);
  const output = new Output();
  let place: Place = 'name';
  let name = '';
  let atStart = true;
  let bomBytes = 0;
  let afterCr = false;
  /** Whether this event's data have begun with something else than white space. */
  let begun = false;
  /** How much of `[DONE]` the data are so far; kept back, and -1 once they are something else. */
  let done = 0;
  /** Whether the last thing that left is a data line without its end; its end is then known and kept back. */
  let lineOpen = false;
  let lineEnd: Uint8Array = NEW_LINE;
  let endKept = false;
  /** Whether anything could have to be withheld from the word or comment that is being read. */
  let guarded = true;

  function closeLine(): void {
    if (lineOpen) output.add(lineEnd);
    lineOpen = false;
    endKept = false;
  }

  function openLine(): void {
    closeLine();
    output.add(DATA);
    lineOpen = true;
  }

  /** A line feed in what leaves of a value stands between two of its data lines. */
  function emit(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    let from = 0;
    for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, from)) {
      emitPart(bytes.subarray(from, at));
      openLine();
      from = at + 1;
    }
    emitPart(bytes.subarray(from));
  }

  function emitPart(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (!lineOpen) openLine();
    output.add(bytes);
  }

  /** Data that may still turn out to be `[DONE]` are kept back, six bytes at most. Returns where others begin. */
  function matchDone(data: Uint8Array): number {
    let at = 0;
    while (at < data.length && done >= 0 && done < DONE.length && data[at] === DONE[done]) {
      at++;
      done++;
    }
    if (at === data.length) return at;
    if (done === DONE.length) {
      if (skipWhiteSpace(data, at) < data.length) doubt('The data of an event go on after [DONE].');
      return data.length;
    }
    const kept = DONE.subarray(0, Math.max(0, done));
    done = -1;
    if (kept.length > 0) emit(document.write(kept));
    return at;
  }

  function pushData(data: Uint8Array): void {
    let from = 0;
    if (!begun) {
      from = skipWhiteSpace(data, 0);
      emitPart(data.subarray(0, from));
      if (from === data.length) return;
      begun = true;
    }
    const rest = data.subarray(from);
    const at = done >= 0 ? matchDone(rest) : 0;
    if (at < rest.length) emit(document.write(rest.subarray(at)));
  }

  function endEvent(): void {
    if (begun && done === DONE.length) emitPart(DONE);
    else if (begun) {
      const kept = DONE.subarray(0, Math.max(0, done));
      if (kept.length > 0) emit(document.write(kept));
      document.end();
    }
    begun = false;
    done = 0;
  }

  /** A field's name is complete. */
  function beginValue(): void {
    if (name === 'data') {
      place = 'data';
      if (!begun) openLine();
      else pushData(NEW_LINE);
      endKept = false;
      return;
    }
    if (!OTHER_FIELDS.has(name)) doubt('A field of an event stream is none of data, event, id, retry and comment.');
    closeLine();
    output.add(Buffer.from(name, 'latin1'));
    place = name === '' ? 'comment' : 'word';
    guarded = document.restricts;
  }

  /** `end` is CR or LF; the LF after a CR comes later. */
  function endLine(end: Uint8Array): void {
    if (place === 'name') {
      if (name !== '') beginValue();
      else {
        endEvent();
        closeLine();
      }
    }
    if (place === 'data') {
      lineEnd = end;
      endKept = true;
    } else output.add(end);
    place = 'name';
    name = '';
  }

  function pushName(byte: number): void {
    if (byte === COLON) {
      beginValue();
      if (place !== 'data') output.add(Buffer.from(':'));
      return;
    }
    name += String.fromCharCode(byte);
    if (name.length > LONGEST_NAME) doubt('A field of an event stream is none of data, event, id, retry and comment.');
  }

  function pushOther(bytes: Uint8Array): void {
    if (guarded && place === 'comment') return;
    if (guarded && SIGNS.some((sign) => bytes.includes(sign)))
      doubt('JSON stands in a field that is no data of an event.');
    output.add(bytes);
  }

  /** From `from` on to the end of the line or chunk, whichever comes first. */
  function endOfRun(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at++) if (chunk[at] === LF || chunk[at] === CR) return at;
    return chunk.length;
  }

  /** One byte order mark may begin the stream. */
  function skipBom(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && bomBytes < BOM.length && chunk[at] === BOM[bomBytes]) {
      at++;
      bomBytes++;
    }
    if (at === chunk.length && bomBytes < BOM.length) return at;
    if (bomBytes > 0 && bomBytes < BOM.length) doubt('An event stream begins with half a byte order mark.');
    atStart = false;
    if (bomBytes > 0) output.add(BOM);
    return at;
  }

  /** The LF of a CR LF whose CR has been dealt with. */
  function joinLineEnd(): void {
    if (endKept) lineEnd = RETURN_NEW_LINE;
    else output.add(NEW_LINE);
  }

  function push(chunk: Uint8Array): Uint8Array {
    let at = atStart ? skipBom(chunk) : 0;
    while (at < chunk.length) {
      const byte = chunk[at]!;
      if (afterCr) {
        afterCr = false;
        if (byte === LF) {
          joinLineEnd();
          at++;
          continue;
        }
      }
      if (byte === LF || byte === CR) {
        endLine(byte === CR ? RETURN : NEW_LINE);
        afterCr = byte === CR;
        at++;
      } else if (place === 'name') {
        pushName(byte);
        at++;
      } else {
        const end = endOfRun(chunk, at);
        if (place === 'data') pushData(chunk.subarray(at, end));
        else pushOther(chunk.subarray(at, end));
        at = end;
      }
    }
    return output.take();
  }

  function end(): Uint8Array {
    if (atStart && bomBytes > 0) doubt('An event stream ended within its byte order mark.');
    if (place === 'name' && name !== '') beginValue();
    endEvent();
    if (endKept) closeLine();
    return output.take();
  }

  return {
    get withheld() {
      return document.withheld;
    },
    push,
    end,
  };
}
