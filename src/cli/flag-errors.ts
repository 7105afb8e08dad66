import type { KeyscopeError } from '../errors';
import { COMMON_OPTIONS } from './arguments';
import type { Command } from './command';

/** Options whose name is not the field's name in kebab case. */
const OPTIONS: Readonly<Record<string, string>> = { workspaceId: 'workspace', q: 'search', pepper: 'KEYSCOPE_PEPPER' };

/** The flag for a field of a function's input: `--expires-at` for `expiresAt`. Undefined if the command has none. */
function flagOf(field: string, command: Command | undefined): string | undefined {
  const name = OPTIONS[field] ?? field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (name === 'KEYSCOPE_PEPPER') return name;
  return Object.hasOwn({ ...COMMON_OPTIONS, ...command?.options }, name) ? `--${name}` : undefined;
}

/** The message of an error, with flags in place of the names of fields. */
export function explainIssues({ message, issues }: KeyscopeError, command: Command | undefined): string {
  if (issues.length === 0) return message;
  const sentences = issues.map((issue) => {
    const [field = '', ...rest] = issue.path.split('.');
    const flag = flagOf(field, command);
    const text = issue.message.replace(/`(\w+)`/g, (quoted, name: string) => flagOf(name, command) ?? quoted);
    if (flag !== undefined) return `${flag}: ${text}`;
    return field === '' ? text : `\`${[field, ...rest].join('.')}\`: ${text}`;
  });
  return [...new Set(sentences)].join(' ');
}
