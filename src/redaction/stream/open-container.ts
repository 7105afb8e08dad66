import type { NameTable } from '../member-name-table';
import type { PathState } from '../path-matcher';

/** An object or array that the paths lead into. */
export interface Frame {
  readonly position: PathState;
  readonly list: boolean;
  /** Of which members only these stay; `null`: all. */
  readonly names: NameTable<true> | null;
  /** Whether a member has stayed, where not all do. */
  kept: boolean;
  /** Whether the member that names the project has been met. */
  projectSeen: boolean;
}

export function createFrame(position: PathState, list: boolean, names: NameTable<true> | null): Frame {
  return { position, list, names, kept: false, projectSeen: false };
}

/** Which names matter in an object, as the scanner wants to know it: all of them where each must be decided about. */
export function watched({ position, names }: Frame): number {
  return names === null && position.others === null ? position.table.mask : -1;
}
