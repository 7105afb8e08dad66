import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Distance from a Redis port to its default Cluster bus port. */
export const CLUSTER_BUS_OFFSET = 10_000;

/**
 * The ports and their Cluster bus ports (20,000 to 29,999) do not overlap, and both are below the ports that systems give
 * to outgoing connections (from 32,768 on Linux, 49,152 elsewhere). A server that restarts in that range can find its
 * port taken by a connection of the test, and a client of a dead server there ends up connected to itself.
 */
const FIRST = 10_000;
const LAST = 19_999;
const ATTEMPTS = 100;

/** Ports that this process has handed out. Their servers may not listen yet. */
const given = new Set<number>();

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A port on which no program listens, neither there nor on its Cluster bus port. Each call returns another one. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST, LAST + 1);
    if (given.has(port)) continue;
    given.add(port);
    if ((await isFree(port)) && (await isFree(port + CLUSTER_BUS_OFFSET))) return port;
  }
  throw new Error(`No port between ${FIRST} and ${LAST} is free.`);
}
