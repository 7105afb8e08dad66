import type { Command, Frame } from '../redis/connection';
import { ErrorReply, type Reply, Status } from '../redis/values';

/** The commands in bytes that a client has written, each in one piece. ASCII only. */
export function decodeCommands(text: string): Command[] {
  const commands: Command[] = [];
  const lines = text.split('\r\n');
  for (let i = 0; i < lines.length - 1; ) {
    const count = Number(lines[i]!.slice(1));
    commands.push(Array.from({ length: count }, (_, part) => lines[i + 2 + 2 * part]!));
    i += 1 + 2 * count;
  }
  return commands;
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

function encodeReply(reply: Reply): string {
  if (reply === null) return '_\r\n';
  if (typeof reply === 'string') return bulk(reply);
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (reply instanceof Status) return `+${reply.text}\r\n`;
  if (reply instanceof ErrorReply) return `-${reply.message}\r\n`;
  return `*${reply.length}\r\n${reply.map(encodeReply).join('')}`;
}

/** Replies and invalidations as RESP3. */
export function encodeFrames(frames: readonly Frame[]): Buffer {
  const parts = frames.map((frame) => {
    if (frame.kind === 'reply') return encodeReply(frame.value);
    if (frame.kind === 'push') return `>2\r\n${bulk(frame.type)}${encodeReply(frame.names)}`;
    throw new Error('A connection with tracking in RESP3 subscribes to no channel.');
  });
  return Buffer.from(parts.join(''), 'latin1');
}
