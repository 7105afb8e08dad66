import { KeyscopeError } from '../errors';
import { type AppSettings, compareSettings, type SettingsDifference } from '../store/app-settings';
import { readAppSettings } from '../store/redis/app-settings';
import { pepperFingerprint } from '../token/digest';
import { connectRedis } from './connect-redis';
import type { CliSettings } from './settings';

/**
 * The settings that the app has recorded in Redis, or null if there are none. If Redis is unavailable, the result is
 * null: the command itself then reports the reason.
 */
export async function readRecordedSettings(
  settings: CliSettings,
  cwd: string,
  timeout: number,
): Promise<AppSettings | null> {
  const client = connectRedis(settings, cwd);
  try {
    return await readAppSettings(client, settings.namespace ?? 'keyscope', timeout);
  } catch {
    return null;
  } finally {
    client.disconnect();
  }
}

/** The settings, with the app's recorded ones in place of those that are not given. */
export function withRecorded(settings: CliSettings, recorded: AppSettings | null): CliSettings {
  if (recorded === null) return settings;
  const { prefix = recorded.prefix, environment = recorded.environment ?? undefined, permissions } = settings;
  const { keysWithoutExpiry = recorded.keysWithoutExpiry } = settings;
  return { ...settings, prefix, environment, keysWithoutExpiry, permissions: permissions ?? recorded.permissions };
}

/** Differences from the app's recorded settings, or null if none are recorded. */
export function differencesFrom(settings: CliSettings, recorded: AppSettings | null): SettingsDifference[] | null {
  if (recorded === null) return null;
  const { prefix = 'ks', permissions, pepper = [null] } = settings;
  const own = { prefix, permissions: permissions ?? [], peppers: pepper.map(pepperFingerprint) };
  // Without declared permissions here, there is nothing to compare.
  return compareSettings(recorded, own).filter(({ setting }) => setting !== 'permissions' || permissions !== null);
}

/** Where the command line takes a setting from. */
const SOURCES: Readonly<Record<SettingsDifference['setting'], string>> = {
  format: 'version of keyscope',
  prefix: '--prefix',
  permissions: 'KEYSCOPE_PERMISSIONS',
  pepper: 'KEYSCOPE_PEPPER',
};

/** @throws {KeyscopeError} `invalid_options` if the app would reject tokens made with these settings. */
export function checkTokensAreAccepted(differences: readonly SettingsDifference[] | null): void {
  const found = differences?.filter(({ setting }) => setting !== 'permissions') ?? [];
  if (found.length === 0) return;
  const settings = found.map(({ setting }) => SOURCES[setting]).join(' and ');
  throw new KeyscopeError(
    'invalid_options',
    `The app would reject this key. ${found.map(({ message }) => message).join(' ')} Use the app's ${settings}.`,
  );
}
