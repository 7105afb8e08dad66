import { connect, createServer } from 'node:net';

const OPTION = Buffer.from('REDIRECT');

/**
 * A proxy to a server that then refuses `CLIENT TRACKING … REDIRECT`, as Redis Cloud does, so that feeds use RESP3. The
 * option is replaced by an unknown one of the same length, and the server rejects it itself.
 */
export async function refuseRedirect({ port: target }) {
  const sockets = new Set();
  const proxy = createServer((client) => {
    const server = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    client.on('data', (data) => {
      const at = data.indexOf(OPTION);
      if (at !== -1) data.write('REDIRECX', at);
      server.write(data);
    });
    server.on('data', (data) => client.write(data));
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `redis://127.0.0.1:${proxy.address().port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
