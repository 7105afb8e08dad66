import type { NameTable } from '../member-name-table';
import type { PathState } from '../path-matcher';

/** An object or array that the paths lead into. */
export interface Frame {
  readonly position: PathState;
  readonly list: boolean;
  /** Of which members only these stay; `null`: all. */
  readonly names: NameTable<true> | null;
  /** Whether a member has been kept, if not all are. */
  kept: boolean;
  /** Whether the member that names the project has been met. */
  projectSeen: boolean;
}

export function createFrame(position: PathState, list: boolean, names: NameTable<true> | null): Frame {
  return { position, list, names, kept: false, projectSeen: false };
}

/** The names that matter in an object, in the scanner's form: all of them if each must be decided. */
export function watched({ position, names }: Frame): number {
  return names === null && position.others === null ? position.table.mask : -1;
}
