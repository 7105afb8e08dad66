import type { PermissionInfo } from '../options';
import type { Command } from './command';
import type { OptionValues } from './io';
import { splitNames } from './settings';

/** For commands that name no permission: an app declares at least one. */
const UNNAMED = 'unnamed';

export interface Declared {
  readonly permissions: Readonly<Record<string, PermissionInfo>>;
  /** True if permissions were named and none are declared. */
  readonly assumed: boolean;
}

/** The permissions that names are checked against. If none are declared, the named ones count as declared. */
export function declaredPermissions(
  command: Command,
  values: OptionValues,
  declared: readonly string[] | null,
): Declared {
  const named = (command.permissionOptions ?? []).flatMap((option) => values.texts(option).flatMap(splitNames));
  const names = declared ?? (named.length > 0 ? named : [UNNAMED]);
  return {
    permissions: Object.fromEntries(names.map((name) => [name, { label: name }])),
    assumed: declared === null && named.length > 0,
  };
}
