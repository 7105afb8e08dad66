/** Version of all that is stored. It changes if an older version could not read it. */
export const FORMAT = 1;

/** Settings that all apps, and the command line, must share to use the same keys. No secrets. */
export interface AppSettings {
  /** `FORMAT` of the version that recorded them. */
  readonly format: number;
  /** Prefix of tokens. */
  readonly prefix: string;
  /** Environment of the app. Apps of several environments can share a namespace: it is not compared. */
  readonly environment?: string | null | undefined;
  /** Whether keys can be created that never expire. It is not compared. */
  readonly keysWithoutExpiry?: boolean | undefined;
  /** Names of the declared permissions. */
  readonly permissions: readonly string[];
  /** Fingerprints of the peppers, the one for new keys first. `none` means keys without a pepper. */
  readonly peppers: readonly string[];
}

export interface SettingsDifference {
  readonly setting: 'format' | 'prefix' | 'permissions' | 'pepper';
  /** One sentence that describes the difference. */
  readonly message: string;
}

const quoted = (names: readonly string[]) => names.map((name) => JSON.stringify(name)).join(', ');

/** Differences between the recorded settings and the settings of this process. */
export function compareSettings(recorded: AppSettings, own: Omit<AppSettings, 'format'>): SettingsDifference[] {
  const differences: SettingsDifference[] = [];
  if (recorded.format !== FORMAT) {
    const message = `The recorded format is ${recorded.format}, the format of this version of keyscope is ${FORMAT}.`;
    differences.push({ setting: 'format', message });
  }
  if (recorded.prefix !== own.prefix) {
    const message = `The recorded prefix is ${quoted([recorded.prefix])}, the prefix here is ${quoted([own.prefix])}.`;
    differences.push({ setting: 'prefix', message });
  }
  if (!own.peppers.slice(0, 1).every((pepper) => recorded.peppers.includes(pepper))) {
    const message =
      own.peppers[0] === 'none'
        ? 'A pepper is recorded, and none is set here.'
        : 'The pepper for new keys here is not among the recorded peppers.';
    differences.push({ setting: 'pepper', message });
  }
  const missing = recorded.permissions.filter((name) => !own.permissions.includes(name));
  const extra = own.permissions.filter((name) => !recorded.permissions.includes(name));
  if (missing.length + extra.length > 0) {
    const parts = [
      ...(missing.length > 0 ? [`missing here: ${quoted(missing.slice(0, 10))}`] : []),
      ...(extra.length > 0 ? [`only here: ${quoted(extra.slice(0, 10))}`] : []),
    ];
    differences.push({ setting: 'permissions', message: `The declared permissions differ; ${parts.join('; ')}.` });
  }
  return differences;
}
