import { createHash } from 'node:crypto';
import { inputError } from './validate-input';

/** Incremented if the content of cursors changes. A cursor of another version is rejected. */
const VERSION = 1;

function listHash(list: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 12);
}

/**
 * Encodes an opaque cursor: a list, and a position in it. Not signed, because a position gives no access: queries are
 * bound to the caller's workspace.
 *
 * @param list Everything that identifies the list: workspace, search, sort, order.
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
 * Decodes the position that `writeCursor` encoded for the same list.
 *
 * @throws {KeyscopeError} `invalid_request` for a cursor of another list, and for other strings.
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
  const message = 'Expected the `cursor` of an earlier page. Leave it out to begin at the start.';
  throw inputError(what, [{ path: 'cursor', message }]);
}
