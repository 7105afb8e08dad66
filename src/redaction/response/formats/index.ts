import type { BodyFormat } from '../../options';
import { JsonFilter } from '../../stream/json-filter';
import { type BodyFilter, type FilterOptions, NOTHING, skipWhiteSpace } from './body-filter';
import { filterJsonp } from './jsonp/jsonp';
import { filterRecords, LINE_FEED, RECORD_SEPARATOR } from './ndjson';
import { ServerSentEvents } from './server-sent-events';

/** A body of one JSON value, or of several with nothing but white space between them. */
function filterJson(options: FilterOptions): BodyFilter {
  const value = new JsonFilter(options, true);
  let begun = false;
  let blank = false;
  return {
    value,
    push(chunk) {
      begun ||= skipWhiteSpace(chunk, 0) < chunk.length;
      blank ||= chunk.length > 0;
      return begun && chunk.length > 0 ? value.write(chunk) : chunk;
    },
    end() {
      if (blank) value.end();
      return NOTHING;
    },
  };
}

export function createBodyFilter(format: BodyFormat, options: FilterOptions): BodyFilter {
  switch (format) {
    case 'json':
      return filterJson(options);
    case 'ndjson':
      return filterRecords(options, LINE_FEED);
    case 'json-seq':
      return filterRecords(options, RECORD_SEPARATOR);
    case 'sse':
      return new ServerSentEvents(options);
    case 'jsonp':
      return filterJsonp(options);
  }
}
