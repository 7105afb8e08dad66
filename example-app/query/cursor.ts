import type { Project } from '../data/model';

const VERSION = 'c1';
const FORM = /^c1 \S+ (\d{1,9})$/;

/**
 * Where the next page of a project begins. Opaque to callers, and bound to the project, so that one project's cursor
 * does not silently page through another's conversations.
 */
export function writeCursor(project: Project, position: number): string {
  return Buffer.from(`${VERSION} ${project.id} ${position}`, 'latin1').toString('base64url');
}

/** The position; null for anything that `writeCursor` did not write for this project. */
export function readCursor(project: Project, cursor: string): number | null {
  const match = FORM.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match === null) return null;
  const position = Number(match[1]);
  // Decoding forgives characters that encoding never writes, and the project may be another: there is one right spelling.
  return writeCursor(project, position) === cursor && position <= project.conversations ? position : null;
}
