import type { ApiKeys } from '../api-keys';
import type { ExitCode, Io, OptionValues } from './io';
import type { CliSettings } from './settings';

/** One option, as a person gives it and as help shows it. */
export interface OptionSpec {
  /** What stands for the value in help; left out: the option has none. */
  readonly value?: string;
  /** May be given more than once. */
  readonly multiple?: boolean;
  readonly help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What a command works with. */
export interface CommandContext {
  readonly io: Io;
  readonly args: readonly string[];
  readonly values: OptionValues;
  readonly settings: CliSettings;
  readonly apiKeys: ApiKeys;
  readonly json: boolean;
  /** Warnings of the store about its server, up to now. */
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  /** The workspace, only where one was named: then nothing outside it is reached. */
  readonly within: { readonly workspaceId?: string };
  /** The same, with who does it and from where. */
  readonly origin: { readonly workspaceId?: string; readonly actor: string; readonly source: string };
  /** A sentence for people, unless they asked for quiet. */
  note(sentence: string): void;
  print(text: string): void;
}

export interface Command {
  /** As it is typed: `keys create`. */
  readonly name: string;
  readonly summary: string;
  /** The arguments after the name; all of them are required. */
  readonly args: readonly string[];
  readonly options: OptionSpecs;
  /** Option names that take permissions: where none are declared, what is given here is taken for declared. */
  readonly permissionOptions?: readonly string[];
  run(context: CommandContext): Promise<ExitCode | undefined>;
}
