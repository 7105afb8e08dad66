import type { Framing } from '../media-type';
import { type BodyFilter, DocumentFilter, type FilterTerms, NOTHING } from './body-filter';
import { filterScript } from './jsonp';
import { filterRecords, LINE_FEED, RECORD_SEPARATOR } from './ndjson';
import { filterEvents } from './server-sent-events';

/** A body that is one JSON value. */
export function filterJson(terms: FilterTerms): BodyFilter {
  const document = new DocumentFilter(terms);
  let begun = false;
  return {
    get withheld() {
      return document.withheld;
    },
    push(chunk) {
      if (chunk.length === 0) return NOTHING;
      begun = true;
      return document.write(chunk);
    },
    end() {
      if (begun) document.end();
      return NOTHING;
    },
  };
}

/** A filter for a body in which JSON lies like this. */
export function createBodyFilter(framing: Framing, terms: FilterTerms): BodyFilter {
  switch (framing) {
    case 'json':
      return filterJson(terms);
    case 'lines':
      return filterRecords(terms, LINE_FEED);
    case 'sequence':
      return filterRecords(terms, RECORD_SEPARATOR);
    case 'events':
      return filterEvents(terms);
    case 'script':
      return filterScript(terms);
  }
}
