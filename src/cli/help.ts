import { COMMON_OPTIONS } from './arguments';
import type { Command, OptionSpecs } from './command';

function twoColumns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}

function optionRows(specs: OptionSpecs): (readonly [string, string])[] {
  return Object.entries(specs).map(([name, { value, help }]) => [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    help,
  ]);
}

export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, args, summary }) => [[name, ...args].join(' '), summary] as const);
  return [
    'keyscope: manages the API keys that an app keeps in Redis.\n\nUsage: keyscope COMMAND [OPTIONS]\n\nCommands:\n',
    twoColumns([...rows, ['help [COMMAND]', 'Explain a command'], ['--version', 'Say which version this is']]),
    '\nOptions of every command:\n',
    twoColumns(optionRows(COMMON_OPTIONS)),
    '\nSecrets come by the environment, never as arguments: REDIS_URL, KEYSCOPE_PEPPER or KEYSCOPE_PEPPER_FILE.\n',
    'Exit codes: 0 done, 1 refused or not found, 2 called wrongly, 3 Redis unavailable.\n',
  ].join('');
}

export function explain({ name, args, summary, options }: Command): string {
  const own = optionRows(options);
  return [
    `${summary}.\n\nUsage: ${['keyscope', name, ...args].join(' ')} [OPTIONS]\n`,
    own.length > 0 ? `\nOptions:\n${twoColumns(own)}` : '',
    `\nOptions of every command:\n${twoColumns(optionRows(COMMON_OPTIONS))}`,
  ].join('');
}
