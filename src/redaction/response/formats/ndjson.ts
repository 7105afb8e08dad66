import { JsonFilter } from '../../stream/json-filter';
import { type BodyFilter, type FilterOptions, NOTHING, Parts, skipWhiteSpace } from './body-filter';

/** Ends each value of NDJSON and JSON Lines. */
export const LINE_FEED = 0x0a;
/** Begins each value of RFC 7464 JSON text sequences. */
export const RECORD_SEPARATOR = 0x1e;

/** `between`: no record has begun. `raw`: the policy allowed everything when this record began. `parsed`: it is filtered. */
type Place = 'between' | 'raw' | 'parsed';

/**
 * A body of JSON values, one between every two separators. Each is sent with its separator as soon as it arrives. White space
 * between two separators keeps connections alive and passes through.
 */
export function filterRecords(options: FilterOptions, separator: number): BodyFilter {
  const value = new JsonFilter(options);
  const parts = new Parts();
  let place: Place = 'between';

  function pushPart(part: Uint8Array): void {
    if (place === 'between' && skipWhiteSpace(part, 0) < part.length) place = value.restricts ? 'parsed' : 'raw';
    parts.add(place === 'parsed' ? value.write(part) : part);
  }

  function endRecord(): void {
    if (place === 'parsed') value.end();
    place = 'between';
  }

  return {
    value,
    get isPassingRecord() {
      return place === 'raw';
    },
    push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(separator); at !== -1; at = chunk.indexOf(separator, from)) {
        pushPart(chunk.subarray(from, at));
        endRecord();
        parts.add(chunk.subarray(at, at + 1));
        from = at + 1;
      }
      if (from < chunk.length) pushPart(chunk.subarray(from));
      return parts.flush(chunk);
    },
    end() {
      endRecord();
      return NOTHING;
    },
  };
}
