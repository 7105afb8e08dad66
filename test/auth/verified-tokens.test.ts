import http from 'node:http';
import net from 'node:net';
import { createApiKeys } from 'keyscope';
import { createAuthenticator } from '../../src/auth/authenticator';
import type { CachedKey } from '../../src/auth/request-api-key';
import { ReadThroughCache } from '../../src/cache/read-through-cache';
import { Lease } from '../../src/store/lease';
import { createTokenHasher } from '../../src/token/digest';
import { listen } from '../redaction/response/harness';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';

describe('an authenticator', () => {
  const hasher = createTokenHasher(undefined);
  const entryOf = (id: string, token: string) => ({ record: { id, digest: hasher.hash(token) } }) as CachedKey;

  async function setUp() {
    const clock = fakeClock();
    const entries = new Map([
      ['a', entryOf('a', 'a.secret')],
      ['b', entryOf('b', 'b.secret')],
    ]);
    const lease = Lease.from(clock, 1000);
    const keys = new ReadThroughCache<CachedKey>({
      clock,
      maxEntries: 10,
      maxMisses: 10,
      maxRevocationLag: 1000,
      lease: () => lease,
      read: async (id) => entries.get(id) ?? null,
    });
    const verify = jest.fn(hasher.verify);
    const authenticator = createAuthenticator({ parse: (token) => token[0]!, hasher: { ...hasher, verify }, keys });
    const authenticate = (connection: object, token: string) =>
      authenticator.getVerified(connection, token, clock.wall()) ??
      authenticator.getCached(token[0]!, token, clock.wall(), connection);
    await keys.load('a');
    await keys.load('b');
    return { clock, keys, entries, verify, authenticate };
  }

  test('an authenticator hashes a token once on each connection', async () => {
    const { entries, verify, authenticate } = await setUp();
    const [first, second] = [{}, {}];
    for (let time = 0; time < 3; time++) expect(authenticate(first, 'a.secret')).toBe(entries.get('a'));
    expect(verify).toHaveBeenCalledTimes(1);
    expect(authenticate(second, 'a.secret')).toBe(entries.get('a'));
    expect(verify).toHaveBeenCalledTimes(2);
  });

  test('an authenticator verifies every other token on a connection', async () => {
    const { entries, authenticate } = await setUp();
    const connection = {};
    authenticate(connection, 'a.secret');
    expect(authenticate(connection, 'a.secreT')).toBe('wrong_secret');
    expect(authenticate(connection, 'a.secret.')).toBe('wrong_secret');
    // A character with the same lower half.
    expect(authenticate(connection, 'a.secr\u0165t')).toBe('wrong_secret');
    expect(authenticate(connection, 'a.secre\u4e74')).toBe('wrong_secret');
    expect(authenticate(connection, 'b.secret')).toBe(entries.get('b'));
    expect(authenticate(connection, 'a.secret')).toBe(entries.get('a'));
  });

  test('an authenticator does not keep a token that was wrong', async () => {
    const { authenticate } = await setUp();
    const connection = {};
    for (let time = 0; time < 2; time++) expect(authenticate(connection, 'a.wrong')).toBe('wrong_secret');
  });

  test('an authenticator returns nothing for a token verified before when the lease has ended', async () => {
    const { clock, authenticate } = await setUp();
    const connection = {};
    authenticate(connection, 'a.secret');
    clock.advance(1000);
    expect(authenticate(connection, 'a.secret')).toBeUndefined();
  });

  test('an authenticator returns nothing for a token verified before when its key was invalidated', async () => {
    const { keys, authenticate } = await setUp();
    const connection = {};
    authenticate(connection, 'a.secret');
    keys.invalidate('a');
    expect(authenticate(connection, 'a.secret')).toBeUndefined();
  });

  test('an authenticator verifies a token again when its key was read again', async () => {
    const { keys, entries, verify, authenticate } = await setUp();
    const connection = {};
    authenticate(connection, 'a.secret');
    keys.invalidate('a');
    entries.set('a', entryOf('a', 'a.other'));
    await keys.load('a');
    expect(authenticate(connection, 'a.secret')).toBe('wrong_secret');
    expect(verify).toHaveBeenCalledTimes(2);
  });
});

describe.each(expresses)('requireApiKey on one connection, %s', (_version, express) => {
  async function setUp() {
    const clock = fakeClock();
    const apiKeys = createApiKeys({ permissions: { read: { label: 'Read' }, write: { label: 'Write' } }, clock });
    const app = express();
    app.get('/read', apiKeys.requireApiKey('read', { agent: false }), (req, res) => void res.json(req.apiKey?.name));
    app.get('/write', apiKeys.requireApiKey('write'), (req, res) => void res.json(req.apiKey?.name));
    const server = http.createServer(app);
    const port = await listen(server);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = (token: string, path = '/read') =>
      new Promise<string>((resolve, reject) => {
        const headers = { 'x-api-key': token };
        const req = http.get({ port, path, host: '127.0.0.1', agent, headers }, (res) => {
          let body = '';
          res.setEncoding('utf8').on('data', (chunk) => {
            body += chunk;
          });
          res.on('end', () => resolve(`${res.statusCode} ${res.statusCode === 200 ? body : JSON.parse(body).code}`));
        });
        req.on('error', reject);
      });
    const create = (name: string) => apiKeys.keys.create({ name, agents: 'all', permissions: ['read'] });
    const close = async () => {
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
      await apiKeys.close();
    };
    return { clock, apiKeys, port, get, create, close };
  }

  test('requireApiKey responds 401 and 403 as on a new connection when the key has changed since', async () => {
    const { clock, apiKeys, get, create, close } = await setUp();
    const { key, token } = await create('one');
    for (let time = 0; time < 2; time++) expect(await get(token)).toBe('200 "one"');
    expect(await get(token, '/write')).toBe('403 permission_denied');
    await apiKeys.keys.update(key.id, { disabled: true });
    expect(await get(token)).toBe('401 disabled_key');
    await apiKeys.keys.update(key.id, { disabled: false, permissions: ['write'] });
    expect(await get(token)).toBe('403 permission_denied');
    expect(await get(token, '/write')).toBe('200 "one"');
    clock.advance(key.expiresAt!.getTime() - clock.wall());
    expect(await get(token, '/write')).toBe('401 expired_key');
    await close();
  });

  test('requireApiKey responds 401 invalid_key when the key was deleted since', async () => {
    const { apiKeys, get, create, close } = await setUp();
    const { key, token } = await create('one');
    for (let time = 0; time < 2; time++) expect(await get(token)).toBe('200 "one"');
    await apiKeys.keys.delete(key.id);
    expect(await get(token)).toBe('401 invalid_key');
    await close();
  });

  test('requireApiKey sets the key of each token when callers share the connection of a proxy', async () => {
    const { port, create, close } = await setUp();
    const names = ['one', 'two', 'one', 'one', 'two', 'two'];
    const tokens = { one: (await create('one')).token, two: (await create('two')).token };
    const text = names
      .map((name, index) => {
        const end = index === names.length - 1 ? 'Connection: close\r\n' : '';
        return `GET /read HTTP/1.1\r\nHost: a\r\nX-API-Key: ${tokens[name as 'one']}\r\n${end}\r\n`;
      })
      .join('');
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    let received = '';
    for await (const chunk of socket) received += chunk;
    expect(received.match(/"(?:one|two)"/g)).toEqual(names.map((name) => `"${name}"`));
    await close();
  });
});
