import { COMMON_OPTIONS } from './arguments';
import type { Command, OptionSpecs } from './command';

function twoColumns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}

function optionRows(specs: OptionSpecs): (readonly [string, string])[] {
  return Object.entries(specs).map(([name, { value, help, required }]) => [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    required === undefined ? help : `${help} Required.`,
  ]);
}

export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, args, summary }) => [[name, ...args].join(' '), summary] as const);
  return [
    "keyscope manages an app's API keys in Redis.\n\nUsage: keyscope COMMAND [OPTIONS]\n\nCommands:\n",
    twoColumns([...rows, ['help [COMMAND]', 'Explain a command'], ['--version', 'Print the version']]),
    '\nCommon options:\n',
    twoColumns(optionRows(COMMON_OPTIONS)),
    '\nExample:\n  keyscope keys create --name "CRM export" --permissions conversations --expires-in 90d\n',
    '\nSecrets are read from the environment, never from arguments: REDIS_URL, KEYSCOPE_PEPPER, KEYSCOPE_PEPPER_FILE.\n',
    'Exit codes: 0 done, 1 refused or not found, 2 wrong command line, 3 Redis unavailable.\n',
  ].join('');
}

export function explain({ name, args, summary, options, example }: Command): string {
  const own = optionRows(options);
  const common = Object.keys(COMMON_OPTIONS).map((option) => `--${option}`);
  return [
    `${summary}.\n\nUsage: ${['keyscope', name, ...args].join(' ')} [OPTIONS]\n`,
    own.length > 0 ? `\nOptions:\n${twoColumns(own)}` : '',
    `\nExample:\n  ${example}\n`,
    `\nCommon options, explained by \`keyscope help\`:\n  ${common.join(' ')}\n`,
  ].join('');
}
