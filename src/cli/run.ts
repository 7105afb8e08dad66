import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createApiKeys } from '../create-api-keys';
import { type ErrorCode, KeyscopeError } from '../errors';
import { findCommand, type Parsed, parseArguments } from './arguments';
import type { Command, CommandContext } from './command';
import { COMMANDS } from './commands';
import { connectRedis } from './connect-redis';
import { declaredPermissions } from './declared-permissions';
import { explainIssues } from './flag-errors';
import { explain, overview } from './help';
import { EXIT, type ExitCode, type Io, type OptionValues, usageError } from './io';
import { checkTokensAreAccepted, differencesFrom, readRecordedSettings, withRecorded } from './recorded-settings';
import { type CliSettings, readSettings } from './settings';
import { escapeControls, styleOf } from './terminal-text';

/** In milliseconds. An operator can wait longer than a request, and may be far from Redis. */
const STORE_TIMEOUT = 5000;

const UNCHECKED_NOTE =
  "Note: no app has recorded its settings in this namespace. The prefix and KEYSCOPE_PEPPER must be the app's.";

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

type Note = (sentence: string) => void;

/** The app's settings, and notes on differences. Throws if the app would reject the tokens of the command. */
async function compareWithApp(command: Command, given: CliSettings, cwd: string, note: Note) {
  const recorded = await readRecordedSettings(given, cwd, STORE_TIMEOUT);
  const settings = withRecorded(given, recorded);
  const differences = differencesFrom(settings, recorded);
  if (command.storesTokens) checkTokensAreAccepted(differences);
  else if (command.name !== 'doctor') {
    for (const { message } of differences ?? []) note(`Note: ${message}`);
  }
  return { settings, differences };
}

function checkAddressOption(values: OptionValues, note: Note): void {
  const address = values.text('redis') ?? '';
  if (!URL.canParse(address) || new URL(address).password === '') return;
  note(
    'Note: other users of this machine can see the password in the list of processes. Give the address in REDIS_URL.',
  );
}

async function perform(command: Command, { args, values }: Parsed, io: Io): Promise<ExitCode> {
  const note = (sentence: string) => {
    if (!values.flag('quiet')) io.stderr.write(`${escapeControls(sentence)}\n`);
  };
  const given = readSettings(io, values);
  checkAddressOption(values, note);
  const { settings, differences } = await compareWithApp(command, given, io.cwd, note);
  const { workspaceId, redis: _, cluster: __, keyPrefix: ___, permissions: declared, ...options } = settings;
  const { permissions, assumed } = declaredPermissions(command, values, declared);
  if (assumed) {
    note(
      'Note: permissions are not checked, because none are declared. Declare them in KEYSCOPE_PERMISSIONS or keyscope.config.json.',
    );
  }
  const client = connectRedis(settings, io.cwd);
  try {
    const apiKeys = createApiKeys({
      ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
      permissions,
      redis: client,
      maxRevocationLag: STORE_TIMEOUT,
      storeTimeout: STORE_TIMEOUT,
      recordSettings: false,
      // Imported keys can be managed and verified, whether the app accepts them yet or not.
      importedTokens: true,
    });
    const warnings: { code: string; message: string }[] = [];
    apiKeys.on('store', (event) => {
      if (event.type === 'warning') warnings.push({ code: event.code, message: event.message });
    });
    try {
      await apiKeys.ready();
      const within = workspaceId === undefined ? {} : { workspaceId };
      const context: CommandContext = {
        io,
        args,
        values,
        settings,
        apiKeys,
        client,
        warnings,
        differences,
        within,
        note,
        json: values.flag('json'),
        style: styleOf(io.stdout, io.env),
        origin: { ...within, actor: values.text('actor') ?? `cli:${io.user}`, source: io.host },
        print: (text) => void io.stdout.write(text),
      };
      const code = (await command.run(context)) ?? EXIT.ok;
      if (command.storesTokens && differences === null && code === EXIT.ok) note(UNCHECKED_NOTE);
      return code;
    } finally {
      await apiKeys.close();
    }
  } finally {
    client.disconnect();
  }
}

/** Help for the named command, or the overview. */
function helpFor(words: readonly string[]): string {
  return words.length === 0 ? overview(COMMANDS) : explain(findCommand(words, COMMANDS).command);
}

/** The message, with its cause: the API's callers do not receive it, and operators need it. */
function explainError(error: KeyscopeError, command: Command | undefined): string {
  const { cause } = error;
  const message = explainIssues(error, command);
  const isIncluded = !(cause instanceof Error) || message.includes(cause.message.replace(/\.$/, ''));
  return isIncluded ? message : `${message} ${cause.message}`;
}

function writeError(error: KeyscopeError, command: Command | undefined, io: Io): ExitCode {
  const text = escapeControls(explainError(error, command));
  io.stderr.write(`${styleOf(io.stderr, io.env).color('red', 'keyscope:')} ${text}\n`);
  return EXIT_CODES[error.code] ?? EXIT.refused;
}

async function runCommand(argv: readonly string[], io: Io): Promise<ExitCode> {
  const { command, rest } = findCommand(argv, COMMANDS);
  try {
    const parsed = parseArguments(command, rest);
    if (!parsed.values.flag('help')) return await perform(command, parsed, io);
    io.stdout.write(explain(command));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof KeyscopeError)) throw error;
    return writeError(error, command, io);
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<ExitCode> {
  const [first] = argv;
  if (first === undefined) {
    io.stderr.write(overview(COMMANDS));
    return EXIT.usage;
  }
  if (first === '--version' || first === '-v') {
    io.stdout.write(`${version()}\n`);
    return EXIT.ok;
  }
  if (first === 'help' || first === '--help' || first === '-h') {
    io.stdout.write(helpFor(argv.slice(1)));
    return EXIT.ok;
  }
  if (first.startsWith('-')) throw usageError('The command comes first, then its options. See `keyscope help`.');
  return runCommand(argv, io);
}

/** Runs one command line. Resolves with the exit code. An error is one sentence on standard error. */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    if (!(error instanceof KeyscopeError)) throw error;
    return writeError(error, undefined, io);
  }
}
