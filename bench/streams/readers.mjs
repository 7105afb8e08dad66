// Readers of open responses, in a process of their own: one process cannot have both ends of 10,000 connections. Receives
// { port, tokens, count } and opens `count` responses; sends { opened } when all have begun, and how many are open when it
// is asked.
import { connect } from 'node:net';

/** Connections that are being opened at a time. */
const AT_ONCE = 100;
const sockets = new Set();

function open(port, token) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: ${token}\r\n\r\n`);
    sockets.add(socket);
    socket.once('data', (data) => {
      if (data.includes('HTTP/1.1 200')) resolve();
      else reject(new Error(`A response began with ${data.subarray(0, 40)}`));
    });
    socket.resume();
    socket.on('error', reject);
    socket.on('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) process.send({ type: 'empty', at: Number(process.hrtime.bigint()) / 1e6 });
    });
  });
}

process.on('message', async ({ type, port, tokens, count }) => {
  if (type === 'close') for (const socket of sockets) socket.destroy();
  if (type !== 'open') return;
  for (let i = 0; i < count; i += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - i);
    await Promise.all(Array.from({ length }, (_, j) => open(port, tokens[(i + j) % tokens.length])));
  }
  process.send({ type: 'opened' });
});
process.on('disconnect', () => process.exit());
