import type { Readable } from 'node:stream';
import { KeyscopeError } from '../errors';

/** Error for a wrong command line: one sentence, exit code 2. */
export function usageError(sentence: string): KeyscopeError {
  return new KeyscopeError('invalid_options', sentence);
}

/** The options of a command line. */
export interface OptionValues {
  /** The option's value, the last one if it was given more than once. */
  text(name: string): string | undefined;
  /** All values of the option. */
  texts(name: string): readonly string[];
  flag(name: string): boolean;
}

export interface TextOutput {
  write(text: string): unknown;
  /** True if it is a terminal. */
  readonly isTTY?: boolean;
  /** Width of the terminal. */
  readonly columns?: number;
}

/** Surroundings of a command, passed in so that tests can replace them. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** The result, and nothing else: scripts read it. */
  readonly stdout: TextOutput;
  /** Notes, questions and errors. */
  readonly stderr: TextOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of the project: ioredis and the configuration file are looked up from here. */
  readonly cwd: string;
  /** Name of the user, for the audit log. */
  readonly user: string;
  /** Name of the machine, for the audit log. */
  readonly host: string;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Exit codes of commands. */
export const EXIT = { ok: 0, refused: 1, usage: 2, unavailable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
