import type { PermissionInfo } from '../options';
import type { Command } from './command';
import type { OptionValues } from './io';
import { type CliSettings, splitNames } from './settings';

/** For commands that name none: an app declares at least one. */
const UNNAMED = 'unnamed';

export interface Declared {
  readonly permissions: Readonly<Record<string, PermissionInfo>>;
  /** Nobody said which there are, and some were named. */
  readonly assumed: boolean;
}

/**
 * The permissions that names are checked against. The app declares them, and only its operators can tell us which; where
 * nobody does, what is named is taken for declared.
 */
export function declaredPermissions(command: Command, values: OptionValues, settings: CliSettings): Declared {
  const named = (command.permissionOptions ?? []).flatMap((option) => values.texts(option).flatMap(splitNames));
  const names = settings.permissions ?? (named.length > 0 ? named : [UNNAMED]);
  return {
    permissions: Object.fromEntries(names.map((name) => [name, { label: name }])),
    assumed: settings.permissions === null && named.length > 0,
  };
}
