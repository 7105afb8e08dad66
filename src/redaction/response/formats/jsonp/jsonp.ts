import { type BodyFilter, type FilterOptions, fail, NOTHING, Parts, skipWhiteSpace, ValueFilter } from '../body-filter';

/** A function name and `(`. Express writes an empty comment and a test that the function exists before it. */
const OPENING = /^\s*(?:\/\*\*\/)?\s*(?:typeof [\w$.[\]]+ === 'function' && )?[\w$.[\]]+\($/;
/** Allowed after the value: `)` or `);`, and white space. */
const CLOSING = /^[ \t\r\n]*\)[ \t\r\n]*;?[ \t\r\n]*$/;
const PARENTHESIS = 0x28;
const LONGEST_OPENING = 1024;
/** The last bytes that could belong to the closing are held back, but never more than this many. */
const LONGEST_CLOSING = 64;
const CLOSING_BYTES = new Set(Buffer.from(' \t\r\n);'));

/** JSONP: one JSON value, or none, as the argument of a call. Any other script is rejected. */
export function filterJsonp(options: FilterOptions): BodyFilter {
  const value = new ValueFilter(options);
  const parts = new Parts();
  /** The opening so far; null once it is complete. */
  let opening: Buffer | null = Buffer.alloc(0);
  let begun = false;
  let tail: Buffer = Buffer.alloc(0);

  function pushValue(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    begun ||= skipWhiteSpace(bytes, 0) < bytes.length;
    parts.add(begun ? value.write(bytes) : bytes);
  }

  /** Holds the end of the value's bytes back while it could be the closing. */
  function pushArgument(chunk: Uint8Array): void {
    const lowest = Math.max(0, chunk.length - LONGEST_CLOSING);
    let from = chunk.length;
    while (from > lowest && CLOSING_BYTES.has(chunk[from - 1]!)) from--;
    if (from > 0) {
      pushValue(tail);
      tail = Buffer.alloc(0);
      pushValue(chunk.subarray(0, from));
    }
    const kept = Buffer.concat([tail, chunk.subarray(from)]);
    const surplus = Math.max(0, kept.length - LONGEST_CLOSING);
    pushValue(kept.subarray(0, surplus));
    tail = kept.subarray(surplus);
  }

  function pushOpening(before: Buffer, chunk: Uint8Array): Uint8Array {
    const text = Buffer.concat([before, chunk]);
    const end = text.indexOf(PARENTHESIS) + 1;
    if (
      end === 0
        ? text.length > LONGEST_OPENING
        : end > LONGEST_OPENING || !OPENING.test(text.toString('latin1', 0, end))
    ) {
      fail('A script that is not one call with one JSON value (JSONP) cannot be redacted.');
    }
    if (end === 0) {
      opening = text;
      return NOTHING;
    }
    opening = null;
    parts.add(text.subarray(0, end));
    return text.subarray(end);
  }

  return {
    get withheld() {
      return value.withheld;
    },
    isPassingRecord: false,
    push(chunk) {
      const rest = opening === null ? chunk : pushOpening(opening, chunk);
      if (opening === null) pushArgument(rest);
      return parts.flush(NOTHING);
    },
    end() {
      if (opening !== null) return opening.length === 0 ? NOTHING : fail('A script ended before its call began.');
      const closing = tail.toString('latin1');
      if (!CLOSING.test(closing)) fail('A JSONP script does not end with its call.');
      if (begun) value.end();
      parts.add(tail);
      return parts.flush(NOTHING);
    },
  };
}
