import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createApiKeys } from '../create-api-keys';
import { type ErrorCode, KeyscopeError } from '../errors';
import { findCommand, type Parsed, parseArguments } from './arguments';
import type { Command, CommandContext } from './command';
import { COMMANDS } from './commands';
import { connectRedis } from './connect-redis';
import { declaredPermissions } from './declared-permissions';
import { explain, overview } from './help';
import { EXIT, type ExitCode, type Io, usageError } from './io';
import { readSettings } from './settings';
import { escapeControls } from './terminal-text';

const FIXED = {
  /** A person can wait longer than a request, and may be further from Redis than the app is. */
  storeTimeout: 5000,
  /** Keys can be imported, and verified, whether or not an app lets them in yet. */
  foreignTokens: true,
} as const;

const EXIT_CODES: Partial<Record<ErrorCode, ExitCode>> = {
  invalid_options: EXIT.usage,
  invalid_request: EXIT.usage,
  immutable_field: EXIT.usage,
  store_unavailable: EXIT.unavailable,
};

function version(): string {
  const manifest = JSON.parse(readFileSync(path.join(__dirname, '../../package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

async function perform(command: Command, { args, values }: Parsed, io: Io): Promise<ExitCode> {
  const settings = readSettings(io, values);
  const { workspaceId, redis, cluster, keyPrefix, permissions: _, ...options } = settings;
  const { permissions, assumed } = declaredPermissions(command, values, settings);
  const note = (sentence: string) => {
    if (!values.flag('quiet')) io.stderr.write(`${sentence}\n`);
  };
  if (URL.canParse(values.text('redis') ?? '') && new URL(values.text('redis') as string).password !== '') {
    note('Note: others on this machine can see the password in the list of processes. Give the address in REDIS_URL.');
  }
  if (assumed) {
    note(
      'Note: not checked against the permissions that the app declares. Name those in KEYSCOPE_PERMISSIONS or keyscope.config.json.',
    );
  }
  const client = connectRedis(settings, io.cwd);
  try {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const apiKeys = createApiKeys({ ...given, permissions, redis: client, ...FIXED });
    const warnings: { code: string; message: string }[] = [];
    apiKeys.on('store', (event) => {
      if (event.type === 'warning') warnings.push({ code: event.code, message: event.message });
    });
    try {
      await apiKeys.ready();
      const within = workspaceId === undefined ? {} : { workspaceId };
      const actor = values.text('actor') ?? `cli:${io.user}`;
      const origin = { ...within, actor, source: io.host };
      const json = values.flag('json');
      const print = (text: string) => void io.stdout.write(text);
      const context: CommandContext = {
        io,
        args,
        values,
        settings,
        apiKeys,
        json,
        warnings,
        within,
        origin,
        note,
        print,
      };
      return (await command.run(context)) ?? EXIT.ok;
    } finally {
      await apiKeys.close();
    }
  } finally {
    client.disconnect();
  }
}

/** Help for the command that the words name; for all of them where there are none. */
function helpFor(words: readonly string[]): string {
  return words.length === 0 ? overview(COMMANDS) : explain(findCommand(words, COMMANDS).command);
}

async function dispatch(argv: readonly string[], io: Io): Promise<ExitCode> {
  const [first] = argv;
  if (first === undefined) {
    io.stderr.write(overview(COMMANDS));
    return EXIT.usage;
  }
  if (first === '--version') {
    io.stdout.write(`${version()}\n`);
    return EXIT.ok;
  }
  if (first === 'help' || first === '--help' || first === '-h') {
    io.stdout.write(helpFor(argv.slice(1)));
    return EXIT.ok;
  }
  if (first.startsWith('-')) throw usageError('The command comes first, then its options. See `keyscope help`.');
  const { command, rest } = findCommand(argv, COMMANDS);
  const parsed = parseArguments(command, rest);
  if (parsed.values.flag('help')) {
    io.stdout.write(explain(command));
    return EXIT.ok;
  }
  return perform(command, parsed, io);
}

/** With the cause, which callers of an API are not told, and whoever runs the store needs to know. */
function explainError({ message, cause }: KeyscopeError): string {
  const isTold = !(cause instanceof Error) || message.includes(cause.message.replace(/\.$/, ''));
  return isTold ? message : `${message} ${cause.message}`;
}

/** Runs one command line. Resolves with the exit code; what went wrong is one sentence on standard error. */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    if (!(error instanceof KeyscopeError)) throw error;
    io.stderr.write(`keyscope: ${escapeControls(explainError(error))}\n`);
    return EXIT_CODES[error.code] ?? EXIT.refused;
  }
}
