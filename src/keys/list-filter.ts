import type { KeyFilter } from '../store/key-search';
import type { KeyPage } from '../store/store';
import { FILTER_NAMES } from './filter-schemas';

/** The filter among validated inputs, in one order of its fields, or null if there is none. */
export function filterOf(given: KeyFilter): KeyFilter | null {
  const fields = FILTER_NAMES.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]);
  return fields.length === 0 ? null : (Object.fromEntries(fields) as KeyFilter);
}

/** Number of the keys that a list has on all its pages, if it is known without another read. */
export function countMatching(page: KeyPage, isFirst: boolean, isWhole: boolean): number | null {
  if (isWhole) return page.total;
  return isFirst && page.next === null ? page.keys.length : null;
}
