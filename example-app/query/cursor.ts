/** A list that is read in pages: a project's conversations, or those of a workspace. */
export interface Paged {
  readonly id: string;
  /** The length of the list. */
  readonly conversations: number;
}

const VERSION = 'c1';
const FORM = /^c1 \S+ (\d{1,9})$/;

/**
 * The start of the next page. Opaque to callers, and bound to the list, so that one project's cursor does not silently
 * page through another's conversations.
 */
export function writeCursor(paged: Paged, position: number): string {
  return Buffer.from(`${VERSION} ${paged.id} ${position}`, 'latin1').toString('base64url');
}

/** The position; null unless `writeCursor` wrote the cursor for this list. */
export function readCursor(paged: Paged, cursor: string): number | null {
  const match = FORM.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match === null) return null;
  const position = Number(match[1]);
  // Decoding ignores characters that encoding never writes, and the list may be another: there is one valid spelling.
  return writeCursor(paged, position) === cursor && position <= paged.conversations ? position : null;
}
