import type { KeyRecord, KeySort } from './records';

/** Folded name, for search and sorting: without compatibility forms (NFKC) and in lower case. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** Number of base 36 digits in the latest possible date, 8.64e15 ms. */
const TIME_WIDTH = 11;

/** A folded name whose numbers, without leading zeros, follow their length. "Key 9" comes before "Key 10" then. */
function withNumberLengths(name: string): string {
  return name.replace(/0*([1-9]\d*|0)/g, (_, digits: string) => String(digits.length).padStart(3, '0') + digits);
}

/**
 * Position of a key in one of the three indexes: `<order> NUL <id> NUL <folded name>`. The order is a time, or the name
 * with number lengths. The byte order of positions is the order of the index. Names cannot contain NUL, so the id can
 * always be read. Every index has the folded name, so that a search by name can walk any index without reading records.
 */
export function indexPosition(key: Pick<KeyRecord, 'id' | 'name' | 'createdAt' | 'expiresAt'>, sort: KeySort): string {
  const name = foldName(key.name);
  if (sort === 'name') return `${withNumberLengths(name)}\0${key.id}\0${name}`;
  const time = sort === 'created' ? key.createdAt : key.expiresAt;
  return `${time.toString(36).padStart(TIME_WIDTH, '0')}\0${key.id}\0${name}`;
}

/** The id and the folded name in an index position. */
export function readPosition(position: string): { id: string; name: string } {
  const [, id = '', name = ''] = position.split('\0');
  return { id, name };
}

/** True if a UTF-16 unit is half of a surrogate pair: part of a character beyond U+FFFF. */
function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/**
 * Compares positions as Redis does, by their bytes in UTF-8. That is the order of code points. JavaScript's `<`
 * compares UTF-16 units: it would sort an emoji (U+1F600, units D83D DE00) before a full-width letter (U+FF21).
 */
export function comparePositions(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA === unitB) continue;
    const surrogateA = isSurrogate(unitA);
    if (surrogateA !== isSurrogate(unitB)) return surrogateA ? 1 : -1;
    return unitA - unitB;
  }
  return a.length - b.length;
}

/**
 * Bound from which a walk in `order` continues after `position`, without the position itself. It consists of order and
 * id, without the name that follows them. If a key is renamed between two pages of a list sorted by time, it must not
 * appear on both.
 */
export function boundAfter(position: string, order: 'asc' | 'desc'): string {
  const [first = '', id = ''] = position.split('\0');
  return order === 'asc' ? `${first}\0${id}\u0001` : `${first}\0${id}`;
}
