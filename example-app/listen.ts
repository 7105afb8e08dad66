import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Closable {
  /** Waits for active requests, then resolves. */
  close(): Promise<void>;
}

/** Milliseconds that active requests have to finish when the server closes. */
const GRACE = 2000;

/** Rejects with Node's error if the address cannot be used. */
export function listen(
  handler: RequestListener,
  address: { readonly host: string; readonly port: number },
): Promise<{ readonly port: number } & Closable> {
  const server = createServer(handler);

  function close(): Promise<void> {
    return new Promise((resolve) => {
      const deadline = setTimeout(() => server.closeAllConnections(), GRACE);
      server.close(() => {
        clearTimeout(deadline);
        resolve();
      });
      server.closeIdleConnections();
    });
  }

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => {
      server.off('error', reject);
      resolve({ port: (server.address() as AddressInfo).port, close });
    });
  });
}
