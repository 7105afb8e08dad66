import type { KeyRecord, KeySort } from './records';

/** The form of a name that is searched and sorted: compatibility forms and case folded. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** Wide enough for the last date there is, 8.64e15 ms, in base 36. */
const TIME_WIDTH = 11;

/**
 * A key's place in one of the three indexes, as text whose byte order is the index's order and which ends unambiguously
 * in the id: `<time or folded name> NUL <id> NUL <folded name>`. Every index carries the folded name, so that a search
 * by name can walk any of them without reading records. Names cannot contain NUL.
 */
export function indexPosition(key: Pick<KeyRecord, 'id' | 'name' | 'createdAt' | 'expiresAt'>, sort: KeySort): string {
  const name = foldName(key.name);
  if (sort === 'name') return `${name}\0${key.id}\0`;
  const time = sort === 'created' ? key.createdAt : key.expiresAt;
  return `${time.toString(36).padStart(TIME_WIDTH, '0')}\0${key.id}\0${name}`;
}

/** What `indexPosition` put together: the id, and the folded name to search in. */
export function readPosition(position: string, sort: KeySort): { id: string; name: string } {
  const [first = '', id = '', last = ''] = position.split('\0');
  return { id, name: sort === 'name' ? first : last };
}

/** Whether a UTF-16 unit is half of a surrogate pair, that is, of a character beyond U+FFFF. */
function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/**
 * Orders positions as Redis does, by the bytes of their UTF-8 form, which is the order of code points. JavaScript's own
 * `<` compares UTF-16 units and would put an emoji (U+1F600, units D83D DE00) before a full-width letter (U+FF21).
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
 * Where to go on after `position`, exclusively, walking in `order`. Only time (or name) and id count, not the name that
 * follows them: a key that is renamed between two pages of a list sorted by time must not appear on both.
 */
export function boundAfter(position: string, order: 'asc' | 'desc'): string {
  const [first = '', id = ''] = position.split('\0');
  return order === 'asc' ? `${first}\0${id}\u0001` : `${first}\0${id}`;
}
