import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { KeyscopeError } from '../errors';
import type { CommandContext } from './command';
import type { Io } from './io';
import { usageError } from './io';
import { escapeControls } from './terminal-text';

/** In characters. Longer than any token. */
const MAX_LINE = 4096;

/** The next line from a terminal, or an empty string at the end of the input. */
function typedLine(io: Io, hidden: boolean): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  // A terminal interface that discards its output does not echo the input.
  const lines = createInterface(hidden ? { input: io.stdin, output, terminal: true } : { input: io.stdin });
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('close', () => resolve(''));
  });
}

/** The first line of piped input. */
async function pipedLine(io: Io): Promise<string> {
  let text = '';
  for await (const chunk of io.stdin) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_LINE) break;
  }
  return text.split('\n', 1)[0] as string;
}

/** Reads a line. A terminal does not echo it. */
export async function readSecret(io: Io, prompt: string): Promise<string> {
  if (!io.stdin.isTTY) return (await pipedLine(io)).trim();
  io.stderr.write(prompt);
  const line = await typedLine(io, true);
  io.stderr.write('\n');
  return line.trim();
}

/**
 * Asks before a destructive change. Resolves if the answer is yes.
 *
 * @throws {KeyscopeError} `conflict` if the answer is no, `invalid_options` if the input is no terminal.
 */
export async function confirm(
  { io, values }: Pick<CommandContext, 'io' | 'values'>,
  question: () => Promise<string>,
): Promise<void> {
  if (values.flag('yes')) return;
  if (!io.stdin.isTTY) throw usageError('This cannot be undone, and there is no terminal to confirm it. Give --yes.');
  io.stderr.write(`${escapeControls(await question())} [y/N] `);
  const answer = await typedLine(io, false);
  if (!/^y(es)?$/i.test(answer.trim())) throw new KeyscopeError('conflict', 'Nothing was changed.');
}
