import { parseArgs } from 'node:util';
import { didYouMean, listNames } from '../did-you-mean';
import type { Command, OptionSpecs } from './command';
import type { OptionValues } from './io';
import { usageError } from './io';
import { named } from './terminal-text';

/** Options of all commands. */
export const COMMON_OPTIONS: OptionSpecs = {
  redis: {
    value: 'URL',
    help: 'Address of Redis, such as redis://127.0.0.1:6379. Default: REDIS_URL. Use that for passwords.',
  },
  cluster: { help: 'The address is a node of a Redis Cluster.' },
  workspace: { value: 'ID', help: 'Workspace of keys and projects. Default: KEYSCOPE_WORKSPACE; lists: `default`.' },
  namespace: { value: 'NAME', help: 'Prefix of all keys in Redis. Default: KEYSCOPE_NAMESPACE or keyscope.' },
  prefix: { value: 'TEXT', help: "Prefix of tokens. Default: KEYSCOPE_PREFIX, or the app's." },
  environment: { value: 'NAME', help: "Environment of keys. Default: KEYSCOPE_ENVIRONMENT, or the app's." },
  config: { value: 'FILE', help: 'Configuration file. Default: keyscope.config.json in this folder, if present.' },
  json: { help: 'Print JSON. Lists print one object a line.' },
  quiet: { help: 'Print no notes. Errors are printed.' },
  help: { help: 'Explain the command. Also -h.' },
};

export interface Parsed {
  readonly args: readonly string[];
  readonly values: OptionValues;
}

/** Finds the command that a command line begins with: one word, or two if the first names a group. */
export function findCommand(
  argv: readonly string[],
  commands: readonly Command[],
): { command: Command; rest: string[] } {
  const matching = commands.filter(({ name }) => name.split(' ').every((word, i) => argv[i] === word));
  // `audit verify` before `audit`.
  const found = matching.reduce<Command | undefined>(
    (longest, command) => (longest && longest.name.length > command.name.length ? longest : command),
    undefined,
  );
  if (found) return { command: found, rest: argv.slice(found.name.split(' ').length) };
  const [first = '', second] = argv;
  const group = commands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name.split(' ')[1] ?? '');
  if (group.length > 0) {
    const wrong =
      second === undefined || second.startsWith('-') ? 'needs one more word' : `has no ${named('command', second)}`;
    throw usageError(`\`keyscope ${first}\` ${wrong}. ${didYouMean(second, group)}Accepted: ${listNames(group)}.`);
  }
  const names = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? '')), 'help'];
  throw usageError(`There is no ${named('command', first)}. ${didYouMean(first, names)}Accepted: ${listNames(names)}.`);
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

/** The name of an option token, or null for `-h`. Throws if the command has no such option. */
function optionName(token: Extract<Token, { kind: 'option' }>, command: Command, specs: OptionSpecs): string {
  const { name, rawName } = token;
  if (rawName === '-h') return 'help';
  if (rawName.startsWith('--') && Object.hasOwn(specs, name)) return name;
  const reason = Object.entries(command.unavailable ?? {}).find(([option]) => option === name)?.[1];
  if (reason !== undefined) throw usageError(`\`keyscope ${command.name}\` has no --${name}: ${reason}`);
  const hint = didYouMean(name, Object.keys(specs));
  throw usageError(`\`keyscope ${command.name}\` has no ${named('option', rawName)}. ${hint}See --help.`);
}

/** Reads the options and arguments of a command. Messages do not repeat values, which could be tokens. */
export function parseArguments(command: Command, argv: readonly string[]): Parsed {
  const specs: OptionSpecs = { ...COMMON_OPTIONS, ...command.options };
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { value }]) => [
      name,
      { type: value === undefined ? 'boolean' : 'string' } as const,
    ]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const given = new Map<string, string[]>();
  const args: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value);
    if (token.kind !== 'option') continue;
    const name = optionName(token, command, specs);
    const { value, multiple } = specs[name] as OptionSpecs[string];
    const all = [...(given.get(name) ?? []), readValue({ ...token, name }, value !== undefined)];
    if (value !== undefined && !multiple && all.length > 1) throw usageError(`Give --${name} once.`);
    given.set(name, all);
  }
  const values: OptionValues = {
    text: (name) => given.get(name)?.at(-1),
    texts: (name) => given.get(name) ?? [],
    flag: (name) => given.has(name),
  };
  if (!values.flag('help')) checkCount(command, args, values);
  return { args, values };
}

function readValue(
  token: { name: string; value?: string | undefined; inlineValue?: boolean | undefined },
  takesValue: boolean,
): string {
  const { name, value, inlineValue } = token;
  if (!takesValue) {
    if (value !== undefined) throw usageError(`--${name} takes no value.`);
    return '';
  }
  if (value === undefined || value === '') throw usageError(`--${name} needs a value.`);
  // In `--name --json` the value is more likely missing than one that begins with dashes.
  if (value.startsWith('-') && !inlineValue) {
    throw usageError(`--${name} needs a value. Write --${name}=… for one that begins with a dash.`);
  }
  return value;
}

/** Throws if arguments or required options are missing, with all of them. */
function checkCount({ name, args: wanted, options }: Command, args: readonly string[], values: OptionValues): void {
  if (args.length > wanted.length) {
    const expected = wanted.length === 0 ? 'no arguments' : wanted.join(' ');
    const advice = name === 'verify' ? ' It reads the token from standard input: other users can see arguments.' : '';
    throw usageError(`\`keyscope ${name}\` takes ${expected}; ${args.length} given.${advice}`);
  }
  const missing = Object.entries(options)
    .filter(([option, { required }]) => required !== undefined && values.texts(option).length === 0)
    .map(([, { required }]) => required as string);
  const all = [...wanted.slice(args.length), ...missing];
  if (all.length > 0) throw usageError(`\`keyscope ${name}\` needs ${all.join(' and ')}. See --help.`);
}
