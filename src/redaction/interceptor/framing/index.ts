import type { Framing } from '../content';
import type { BodyFilter, FilterTerms } from './body-filter';
import { filterEvents } from './events';
import { filterJson } from './json';
import { filterRecords, LINE_FEED, RECORD_SEPARATOR } from './records';
import { filterScript } from './script';

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
