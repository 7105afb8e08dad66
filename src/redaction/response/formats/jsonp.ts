import {
  type BodyFilter,
  DocumentFilter,
  doubt,
  type FilterTerms,
  NOTHING,
  Output,
  skipWhiteSpace,
} from './body-filter';

/** The name of a function and `(`, before it what Express writes: an empty comment and a test that the function is there. */
const OPENING = /^\s*(?:\/\*\*\/)?\s*(?:typeof [\w$.[\]]+ === 'function' && )?[\w$.[\]]+\($/;
/** What may follow the value: `)`, `);`, and white space around. */
const CLOSING = /^[ \t\r\n]*\)[ \t\r\n]*;?[ \t\r\n]*$/;
const PARENTHESIS = 0x28;
const LONGEST_OPENING = 1024;
/** The last bytes that could all belong to the closing are kept back; more than this many are not of one. */
const LONGEST_CLOSING = 64;
const CLOSING_BYTES = new Set(Buffer.from(' \t\r\n);'));

/** JSONP: one JSON value, or none, as the argument of a call. Any other script is refused. */
export function filterScript(terms: FilterTerms): BodyFilter {
  const document = new DocumentFilter(terms);
  const output = new Output();
  /** The opening as far as it has come; null once it is complete. */
  let opening: Buffer | null = Buffer.alloc(0);
  let begun = false;
  let tail: Buffer = Buffer.alloc(0);

  function pushDocument(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    begun ||= skipWhiteSpace(bytes, 0) < bytes.length;
    output.add(begun ? document.write(bytes) : bytes);
  }

  /** Keeps the end of the value's bytes back as long as it could be the closing. */
  function pushArgument(chunk: Uint8Array): void {
    const lowest = Math.max(0, chunk.length - LONGEST_CLOSING);
    let from = chunk.length;
    while (from > lowest && CLOSING_BYTES.has(chunk[from - 1]!)) from--;
    if (from > 0) {
      pushDocument(tail);
      tail = Buffer.alloc(0);
      pushDocument(chunk.subarray(0, from));
    }
    const kept = Buffer.concat([tail, chunk.subarray(from)]);
    const surplus = Math.max(0, kept.length - LONGEST_CLOSING);
    pushDocument(kept.subarray(0, surplus));
    tail = kept.subarray(surplus);
  }

  function pushOpening(sofar: Buffer, chunk: Uint8Array): Uint8Array {
    const text = Buffer.concat([sofar, chunk]);
    const end = text.indexOf(PARENTHESIS) + 1;
    if (
      end === 0
        ? text.length > LONGEST_OPENING
        : end > LONGEST_OPENING || !OPENING.test(text.toString('latin1', 0, end))
    ) {
      doubt('A script that is not one call with one JSON value (JSONP) cannot be redacted.');
    }
    if (end === 0) {
      opening = text;
      return NOTHING;
    }
    opening = null;
    output.add(text.subarray(0, end));
    return text.subarray(end);
  }

  return {
    get withheld() {
      return document.withheld;
    },
    push(chunk) {
      const rest = opening === null ? chunk : pushOpening(opening, chunk);
      if (opening === null) pushArgument(rest);
      return output.take();
    },
    end() {
      if (opening !== null) return opening.length === 0 ? NOTHING : doubt('A script ended before its call began.');
      const closing = tail.toString('latin1');
      if (!CLOSING.test(closing)) doubt('A JSONP script does not end with its call.');
      if (begun) document.end();
      output.add(tail);
      return output.take();
    },
  };
}
