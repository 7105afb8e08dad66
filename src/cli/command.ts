import type { ApiKeys } from '../api-keys';
import type { SettingsDifference } from '../store/app-settings';
import type { RedisClient } from '../store/redis/client';
import type { ExitCode, Io, OptionValues } from './io';
import type { CliSettings } from './settings';
import type { Style } from './terminal-text';

/** One option of a command. */
export interface OptionSpec {
  /** Placeholder of the value in help. Without it, the option takes no value. */
  readonly value?: string;
  /** True if the option can be given more than once. */
  readonly multiple?: boolean;
  /** For a required option: an example, such as `--name "CRM export"`. */
  readonly required?: string;
  readonly help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** Everything that a command works with. */
export interface CommandContext {
  readonly io: Io;
  readonly args: readonly string[];
  readonly values: OptionValues;
  readonly settings: CliSettings;
  readonly apiKeys: ApiKeys;
  readonly client: RedisClient;
  readonly json: boolean;
  readonly style: Style;
  /** Warnings of the store about its server, so far. */
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  /** Differences from the app's recorded settings, or null if no app has recorded any. */
  readonly differences: readonly SettingsDifference[] | null;
  /** The workspace, if one was named. Keys of other workspaces are then out of reach. */
  readonly within: { readonly workspaceId?: string };
  /** The same, with the actor and source for the audit log. */
  readonly origin: { readonly workspaceId?: string; readonly actor: string; readonly source: string };
  /** Writes a sentence to standard error, unless `--quiet` is given. */
  note(sentence: string): void;
  print(text: string): void;
}

export interface Command {
  /** As it is typed: `keys create`. */
  readonly name: string;
  readonly summary: string;
  /** The arguments after the name. All of them are required. */
  readonly args: readonly string[];
  readonly options: OptionSpecs;
  /** A command line that works, without `keyscope`. */
  readonly example: string;
  /** Names of options that the command does not have, with the reason. */
  readonly unavailable?: Readonly<Record<string, string>>;
  /** Names of options that take permissions. If none are declared, these are used. */
  readonly permissionOptions?: readonly string[];
  /** True if the command stores digests of tokens: it is refused if prefix or pepper differ from the app's. */
  readonly storesTokens?: boolean;
  run(context: CommandContext): Promise<ExitCode | undefined>;
}
