import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { KeyscopeError } from '../errors';
import type { CommandContext } from './command';
import type { Io } from './io';
import { usageError } from './io';
import { escapeControls } from './terminal-text';

/** More than any token has; an endless line is none. */
const MAX_LINE = 4096;

/** The next line that a person types; empty where they end the input instead. */
function typedLine(io: Io, hidden: boolean): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  // With a terminal that writes into nothing, what is typed is not shown.
  const lines = createInterface(hidden ? { input: io.stdin, output, terminal: true } : { input: io.stdin });
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('close', () => resolve(''));
  });
}

/** The first line of what is piped in. */
async function pipedLine(io: Io): Promise<string> {
  let text = '';
  for await (const chunk of io.stdin) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_LINE) break;
  }
  return text.split('\n', 1)[0] as string;
}

/** A line that is not shown while it is typed. */
export async function readSecret(io: Io, prompt: string): Promise<string> {
  if (!io.stdin.isTTY) return (await pipedLine(io)).trim();
  io.stderr.write(prompt);
  const line = await typedLine(io, true);
  io.stderr.write('\n');
  return line.trim();
}

/**
 * Asks before something is destroyed. Resolves when it may be.
 *
 * @throws {KeyscopeError} where the answer is no, and where nobody is there to be asked.
 */
export async function confirm(
  { io, values }: Pick<CommandContext, 'io' | 'values'>,
  question: () => Promise<string>,
): Promise<void> {
  if (values.flag('yes')) return;
  if (!io.stdin.isTTY) throw usageError('This cannot be undone, and nobody is there to be asked. Give --yes to do it.');
  io.stderr.write(`${escapeControls(await question())} [y/N] `);
  const answer = await typedLine(io, false);
  if (!/^y(es)?$/i.test(answer.trim())) throw new KeyscopeError('conflict', 'Nothing was changed.');
}
