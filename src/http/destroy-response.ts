import type { ServerResponse } from 'node:http';

/**
 * Destroys a response. Since Node 24, a response that waits for an earlier one of its connection (pipelining) would be sent
 * although it was destroyed, so the connection is closed at its turn.
 */
export function destroyResponse(res: ServerResponse, error?: Error): void {
  if (res.socket === null && !res.writableFinished) res.once('socket', (socket) => socket.destroy(error));
  res.destroy(error);
}
