import { parseArgs } from 'node:util';
import { didYouMean, listNames } from '../did-you-mean';
import type { Command, OptionSpecs } from './command';
import type { OptionValues } from './io';
import { usageError } from './io';
import { named } from './terminal-text';

/** Options that every command has. */
export const COMMON_OPTIONS: OptionSpecs = {
  redis: {
    value: 'URL',
    help: 'Where Redis is, e.g. redis://127.0.0.1:6379. Default: REDIS_URL. With a password, use that.',
  },
  cluster: { help: 'The address is of a node of a Redis Cluster.' },
  workspace: { value: 'ID', help: 'Whose keys and projects. Default: KEYSCOPE_WORKSPACE, else `default` in lists.' },
  namespace: { value: 'NAME', help: 'What all keys in Redis begin with. Default: KEYSCOPE_NAMESPACE, else keyscope.' },
  prefix: { value: 'TEXT', help: 'What tokens begin with. Default: KEYSCOPE_PREFIX, else ks.' },
  config: { value: 'FILE', help: 'Default: keyscope.config.json in this folder, where there is one.' },
  json: { help: 'JSON instead of text; in lists, one line each.' },
  quiet: { help: 'No notes. Errors are still told.' },
  help: { help: 'Explain the command.' },
};

export interface Parsed {
  readonly args: readonly string[];
  readonly values: OptionValues;
}

/** The words before the first option name the command; there are two where the first names a group. */
export function findCommand(
  argv: readonly string[],
  commands: readonly Command[],
): { command: Command; rest: string[] } {
  const found = commands.find(({ name }) => name.split(' ').every((word, i) => argv[i] === word));
  if (found) return { command: found, rest: argv.slice(found.name.split(' ').length) };
  const [first = '', second] = argv;
  const group = commands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name.split(' ')[1] ?? '');
  if (group.length > 0) {
    const wrong =
      second === undefined || second.startsWith('-') ? 'needs one more word' : `has no ${named('command', second)}`;
    throw usageError(`\`keyscope ${first}\` ${wrong}. ${didYouMean(second, group)}There are: ${listNames(group)}.`);
  }
  const names = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? '')), 'help'];
  throw usageError(
    `There is no ${named('command', first)}. ${didYouMean(first, names)}There are: ${listNames(names)}.`,
  );
}

/** What was given is never repeated where it could be a token: an argument too many, the value of an option. */
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
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (spec === undefined || !token.rawName.startsWith('--')) {
      const hint = didYouMean(token.name, Object.keys(specs));
      throw usageError(`\`keyscope ${command.name}\` has no ${named('option', token.rawName)}. ${hint}See --help.`);
    }
    given.set(token.name, [...(given.get(token.name) ?? []), readValue(token, spec.value !== undefined)]);
    if (!spec.multiple && spec.value !== undefined && given.get(token.name)!.length > 1) {
      throw usageError(`Give --${token.name} once.`);
    }
  }
  const values: OptionValues = {
    text: (name) => given.get(name)?.at(-1),
    texts: (name) => given.get(name) ?? [],
    flag: (name) => given.has(name),
  };
  if (!values.flag('help')) checkCount(command, args);
  return { args, values };
}

function readValue(token: { name: string; value?: string; inlineValue?: boolean }, takesValue: boolean): string {
  const { name, value, inlineValue } = token;
  if (!takesValue) {
    if (value !== undefined) throw usageError(`--${name} takes no value.`);
    return '';
  }
  if (value === undefined || value === '') throw usageError(`--${name} needs a value.`);
  // `--name --json` is more likely a name forgotten than a name that begins with dashes.
  if (value.startsWith('-') && !inlineValue) {
    throw usageError(`--${name} needs a value; one that begins with a dash is given as --${name}=….`);
  }
  return value;
}

function checkCount(command: Command, args: readonly string[]): void {
  const { name, args: wanted } = command;
  if (args.length === wanted.length) return;
  const expected = wanted.length === 0 ? 'no arguments' : wanted.join(' ');
  const advice = name === 'verify' ? ' It reads the token from standard input: arguments can be seen by others.' : '';
  throw usageError(`\`keyscope ${name}\` takes ${expected}; ${args.length} given.${advice}`);
}
