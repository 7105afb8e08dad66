import type { Project } from '../data/model';

const VERSION = 'c1';
const FORM = /^c1 ([A-Z0-9-]+) (0|[1-9]\d{0,8})$/;

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
  if (match === null || match[1] !== project.id) return null;
  const position = Number(match[2]);
  // Decoding forgives characters that encoding never writes; a cursor has one spelling.
  return writeCursor(project, position) === cursor && position <= project.conversations ? position : null;
}
