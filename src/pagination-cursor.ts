import { createHash } from 'node:crypto';
import { inputError } from './validate-input';

/** Grows when what cursors hold changes; one of another version is refused, not misread. */
const VERSION = 1;

function listHash(list: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 12);
}

/**
 * An opaque cursor: a position in a list, and which list it is one of. Not signed, because a position opens nothing: what
 * it is used in is bound to the caller's workspace anyhow.
 *
 * @param list Whatever makes this list another one than the next: workspace, search, sort, order.
 */
export function writeCursor(list: readonly unknown[], position: string): string {
  return Buffer.from(JSON.stringify([VERSION, listHash(list), position])).toString('base64url');
}

function decode(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return null;
  }
}

/**
 * The position that `writeCursor` wrote for the same list.
 *
 * @throws {KeyscopeError} `invalid_request` for a cursor of another list, and for what is none.
 */
export function readCursor(
  list: readonly unknown[],
  cursor: string,
  what: string,
  isPosition: (position: string) => boolean,
): string {
  const parts = decode(cursor);
  if (Array.isArray(parts) && parts.length === 3 && parts[0] === VERSION && typeof parts[2] === 'string') {
    if (parts[1] !== listHash(list)) {
      const message = 'This cursor belongs to another list: keep the workspace, search and order of the first page.';
      throw inputError(what, [{ path: 'cursor', message }]);
    }
    if (isPosition(parts[2])) return parts[2];
  }
  const message = 'This is not a cursor. Give the `cursor` of an earlier page, or leave it out to begin at the start.';
  throw inputError(what, [{ path: 'cursor', message }]);
}
