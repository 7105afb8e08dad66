import { createReadStream } from 'node:fs';
import path from 'node:path';
import type { Io } from '../io';
import { usageError } from '../io';

/** File name that stands for standard input. */
export const STDIN = '-';

/** Characters that are read before the format is decided. */
const HEAD = 4096;

async function* bytesOf(io: Io, file: string): AsyncGenerator<Buffer> {
  try {
    const source = file === STDIN ? io.stdin : createReadStream(path.resolve(io.cwd, file));
    for await (const chunk of source) yield typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    // The message leaves the name out: it may be a token by mistake.
    throw usageError(`The file cannot be read (${code}).`);
  }
}

async function* decoded(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw usageError('The file is not UTF-8 text. Export it as UTF-8.');
  }
}

/** A text, and its beginning. */
export interface Text {
  readonly head: string;
  readonly chunks: AsyncIterable<string>;
}

/** Opens a file, or standard input, as text without a byte order mark. */
export async function openText(io: Io, file: string): Promise<Text> {
  const source = decoded(bytesOf(io, file));
  let head = '';
  for (let next = await source.next(); !next.done; next = await source.next()) {
    head += next.value;
    if (head.length >= HEAD) break;
  }
  async function* chunks(): AsyncGenerator<string> {
    yield head;
    yield* source;
  }
  return { head: head.slice(0, HEAD), chunks: chunks() };
}
