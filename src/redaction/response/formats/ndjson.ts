import { type BodyFilter, DocumentFilter, type FilterTerms, Output, skipWhiteSpace } from './body-filter';

/** NDJSON and JSON Lines end each value with it. */
export const LINE_FEED = 0x0a;
/** RFC 7464 JSON text sequences begin each value with it. */
export const RECORD_SEPARATOR = 0x1e;

/**
 * A body of JSON values, one between every two separators. Each leaves with its separator, as soon as it has come; nothing
 * but white space between two separators leaves as it is (blank lines keep connections alive).
 */
export function filterRecords(terms: FilterTerms, separator: number): BodyFilter {
  const document = new DocumentFilter(terms);
  const output = new Output();
  let open = false;

  function pushPart(part: Uint8Array): void {
    open ||= skipWhiteSpace(part, 0) < part.length;
    output.add(open ? document.write(part) : part);
  }

  function endRecord(): void {
    if (!open) return;
    open = false;
    document.end();
  }

  return {
    get withheld() {
      return document.withheld;
    },
    push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(separator); at !== -1; at = chunk.indexOf(separator, from)) {
        pushPart(chunk.subarray(from, at));
        endRecord();
        output.add(chunk.subarray(at, at + 1));
        from = at + 1;
      }
      if (from < chunk.length) pushPart(chunk.subarray(from));
      return output.take();
    },
    end() {
      endRecord();
      return output.take();
    },
  };
}
