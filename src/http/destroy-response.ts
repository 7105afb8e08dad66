import type { IncomingMessage, ServerResponse } from 'node:http';

function isUpgrade(req: (IncomingMessage & { readonly upgrade?: boolean }) | undefined): boolean {
  return req?.upgrade === true;
}

/**
 * Destroys a response. Since Node 24, a response that waits for an earlier one of its connection (pipelining) would be sent
 * although it was destroyed, so the connection is closed at its turn. That of a WebSocket upgrade never gets a connection, and
 * that of an adapter cannot always be destroyed.
 */
export function destroyResponse(res: ServerResponse, error?: Error): void {
  if (res.socket === null && isUpgrade(res.req)) res.req.socket.destroy(error);
  else if (res.socket === null && !res.writableFinished) res.once('socket', (socket) => socket.destroy(error));
  try {
    (res as Partial<ServerResponse>).destroy?.(error);
  } catch (thrown) {
    // The app has replaced the method.
    res.socket?.destroy(error);
    throw thrown;
  }
}
