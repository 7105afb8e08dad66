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
