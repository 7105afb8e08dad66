import type { Readable } from 'node:stream';
import { KeyscopeError } from '../errors';

/** A mistake in how a command was called: one sentence, and exit code 2. */
export function usageError(sentence: string): KeyscopeError {
  return new KeyscopeError('invalid_options', sentence);
}

/** The options that were given. */
export interface OptionValues {
  /** The option's text, the last where it was given more than once. */
  text(name: string): string | undefined;
  /** Everything that was given for it. */
  texts(name: string): readonly string[];
  flag(name: string): boolean;
}

/** Where words go. */
export interface TextOutput {
  write(text: string): unknown;
}

/** The world around a command, given to it so that tests can be that world. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** What was asked for, and nothing else: scripts read it. */
  readonly stdout: TextOutput;
  /** Notes, questions and errors. */
  readonly stderr: TextOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the user's project is: ioredis and the configuration file are looked for from here. */
  readonly cwd: string;
  /** Who is at the keyboard, for the audit trail. */
  readonly user: string;
  /** On which machine, for the audit trail. */
  readonly host: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** How people here write times. Default: the system's way. */
  readonly locale?: string;
  readonly timeZone?: string;
}

/** What a command ends with: nothing = all is well. */
export const EXIT = { ok: 0, refused: 1, usage: 2, unavailable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
