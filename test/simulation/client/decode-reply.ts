import { ErrorReply, type Reply, Status } from '../redis/values';

/** An error reply, as ioredis rejects with it. */
export class ReplyError extends Error {
  override name = 'ReplyError';
}

/** The value that ioredis returns for a reply. */
export function decode(reply: Reply): unknown {
  if (reply instanceof Status) return reply.text;
  if (reply instanceof ErrorReply) return new ReplyError(reply.message);
  return Array.isArray(reply) ? reply.map(decode) : reply;
}
