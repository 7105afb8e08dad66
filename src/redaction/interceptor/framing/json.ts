import { type BodyFilter, DocumentFilter, type FilterTerms, NOTHING } from './body-filter';

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
