import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { isPublicAddress, type Resolve } from '../../src/webhooks/public-address';
import { send } from '../../src/webhooks/send';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const MESSAGE = { id: 'a', timestamp: 1, body: '{}' };
const signal = new AbortController().signal;

test.each([
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.8.8.8',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '2001:db8::1',
  '2001::1',
  'localhost',
  '',
])('isPublicAddress is false for %s', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(['1.1.1.1', '172.15.0.1', '172.32.0.1', '8.8.8.8', '2606:4700::1111', '2a00:1450:4001::1'])(
  'isPublicAddress is true for %s',
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

/** Resolves each name to the addresses of the next call. */
function resolverOf(...answers: string[][]): Resolve {
  return (_hostname, _options, callback) => {
    const found = answers.shift() ?? [];
    callback(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
}

test.each([
  'https://127.0.0.1/',
  'https://[::1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://2130706433/',
  'https://0x7f.1/',
  'https://169.254.169.254/latest/meta-data/',
])('send connects to no address that is not public: %s', async (url) => {
  await expect(send({ url, secret: SECRET }, MESSAGE, { signal })).rejects.toThrow('is not public');
});

test('send connects to no name that leads to a private address, also if another address is public', async () => {
  for (const found of [['127.0.0.1'], ['1.1.1.1', '10.0.0.1'], ['::ffff:127.0.0.1'], []]) {
    const resolve = resolverOf(found);
    const sent = send({ url: 'https://hooks.example.com/', secret: SECRET }, MESSAGE, { signal, resolve });
    await expect(sent).rejects.toThrow('is not public');
  }
});

test('send decides about the address that it connects to, when the answer of DNS changes', async () => {
  let connections = 0;
  const server = createServer().on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const resolve = resolverOf(['127.0.0.1'], ['1.1.1.1']);
  const sent = send({ url: `https://hooks.example.com:${port}/`, secret: SECRET }, MESSAGE, { signal, resolve });
  await expect(sent).rejects.toThrow('is not public');
  expect(connections).toBe(0);
  server.close();
});

/** Sends to a server that responds to each request with these bytes. */
async function sendTo(head: string): Promise<unknown> {
  const server = createTcpServer((socket) => socket.on('data', () => socket.end(head)).on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = { url: `http://127.0.0.1:${port}/`, secret: SECRET, allowPrivate: true };
  try {
    return await send(endpoint, MESSAGE, { signal });
  } finally {
    server.close();
  }
}

test('send settles when the endpoint switches protocols, and when it closes the connection', async () => {
  expect(await sendTo('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')).toEqual({
    status: 101,
    retryAfter: null,
  });
  await expect(sendTo('HTTP/1.1 103 Early Hints\r\n\r\n')).rejects.toThrow('socket hang up');
});

test('send sends nothing when the process ends', async () => {
  await expect(
    send({ url: 'https://1.1.1.1/', secret: SECRET }, MESSAGE, { signal: AbortSignal.abort() }),
  ).rejects.toThrow('The process ends');
});
