import { readCursor, writeCursor } from '../pagination-cursor';
import { readPosition } from '../store/index-position';
import type { KeyFilter } from '../store/key-search';
import type { KeySort } from '../store/records';
import { isKeyId } from '../token/format';

/** List of keys that a cursor belongs to. */
export interface KeyListing {
  readonly workspaceId: string;
  /** Folded. */
  readonly q: string;
  readonly filter?: KeyFilter | null;
  readonly sort: KeySort;
  readonly order: 'asc' | 'desc';
}

const TIME = /^[0-9a-z]{11}$/;

function parts({ workspaceId, q, filter, sort, order }: KeyListing): readonly unknown[] {
  return ['keys', workspaceId, q, sort, order, ...(filter ? [filter] : [])];
}

/** Part of a position before its id: the time, or the name as it is sorted. */
function leadOf(position: string): string {
  return position.slice(0, position.indexOf('\0'));
}

/** Encodes the cursor for the entries after a position of the store. */
export function writeKeyCursor(listing: KeyListing, position: string): string {
  return writeCursor(parts(listing), `${leadOf(position)}\0${readPosition(position).id}\0`);
}

/**
 * Decodes the position after which the next page begins.
 *
 * @throws {KeyscopeError} `invalid_request`
 */
export function readKeyCursor(listing: KeyListing, cursor: string): string {
  return readCursor(parts(listing), cursor, 'keys.list', (position) => {
    const pieces = position.split('\0');
    return (
      pieces.length === 3 &&
      isKeyId(pieces[1]) &&
      pieces[2] === '' &&
      (listing.sort === 'name' || TIME.test(pieces[0] as string))
    );
  });
}
