import { createPrivateKey, sign } from 'node:crypto';
import type { Express } from 'express';
import { createApiKeys, type GithubPublicKeys, type KeyscopeError } from 'keyscope';
import request from 'supertest';
import { FetchedKeys } from '../../src/leaks/github-keys';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';
import { forgeToken } from '../support/forge-token';

/** Test keys: they sign nothing outside these tests. */
const SIGNER = {
  id: 'a'.repeat(64),
  publicKey: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEoxNsHdOiKXzShD0rObcEdOx4gmlf
/tU2/F3RTfY82LMbeSJ0i979p/DnCyjob7Gi1O1JhCUnjc3yP53Ti/Pn0g==
-----END PUBLIC KEY-----
`,
  privateKey:
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgH8UvvS5tbx5K5geeuQLjNU8KLaQQOgazlsQLqpWzxWahRANCAASjE2wd06IpfNKEPSs5twR07HiCaV/+1Tb8XdFN9jzYsxt5InSL3v2n8OcLKOhvsaLU7UmEJSeNzfI/ndOL8+fS',
};
const OTHER_SIGNER = {
  id: 'b'.repeat(64),
  publicKey: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH+0V/+XK136WDlPNwmc4oisaTUq9
Sq/tvJoOZOoqY59+xYTXaltiuyiP+kHi9P7Mc/5pMpnF83o8jFSawXfcYw==
-----END PUBLIC KEY-----
`,
  privateKey:
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnwZoIWCmraYVeYBNKPVy/z527bLXpj0iR+GPCIxrPW+hRANCAAQf7RX/5crXfpYOU83CZziiKxpNSr1Kr+28mg5k6ipjn37FhNdqW2K7KI/6QeL0/sxz/mkymcXzejyMVJrBd9xj',
};
const P384_KEY = `-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAErIcY+TudEuBtNoeIya/3B2VgSvi0ah+Z
CXW+VOUVGjBOnQmVzrT1VixecBXX9LGGboK9gm4gvYM5zzNnby6Ggfy8yhQMYWlQ
oLYKWecladQG1YilUSVn2T4f1+f1n3Sc
-----END PUBLIC KEY-----
`;

/** The example of GitHub's documentation, with the public key that it was signed for. */
const DOCUMENTED = {
  key: {
    key_identifier: 'f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d',
    key: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP
HzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==
-----END PUBLIC KEY-----
`,
    is_current: true,
  },
  signature: 'MEUCIQDfLvT8/zM8F1aB3cM0ZwyeWF1m5YR6IhcUIv1OKQYL0wIgBZ5lVXB3gHK+dT8+xt0WgRVLqvsTPFiDO9QP/7eJ4yE=',
  body: '[{"token":"NMIfyYncKcRALEXAMPLE","type":"mycompany_api_token","url":"https://github.com/octocat/Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/foo/bar.txt","source":"content"}]',
};

type Signer = typeof SIGNER;

const publicOf = ({ id, publicKey }: Signer) => ({ key_identifier: id, key: publicKey });

function signatureOf(body: string, { privateKey }: Signer): string {
  const key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' });
  return sign('sha256', Buffer.from(body), key).toString('base64');
}

const URL_OF_LEAK = 'https://github.com/octocat/Hello-World/blob/1234/.env';

describe.each(expresses)('%s', (_name, express) => {
  function setUp(publicKeys: GithubPublicKeys | (() => Promise<GithubPublicKeys>) = [publicOf(SIGNER)], more = {}) {
    const clock = fakeClock();
    const apiKeys = createApiKeys({ permissions: { orders: { label: 'Orders' } }, importedTokens: true, clock });
    const errors: KeyscopeError[] = [];
    apiKeys.on('error', (error) => errors.push(error));
    const app = express();
    app.post('/scan', apiKeys.githubSecretScanning({ publicKeys, ...more }));
    return { apiKeys, app, clock, errors };
  }

  function send(app: Express, body: string, { id, signature }: { id?: string; signature?: string }) {
    const post = request(app).post('/scan').set('content-type', 'application/json');
    if (id !== undefined) post.set('Github-Public-Key-Identifier', id);
    if (signature !== undefined) post.set('Github-Public-Key-Signature', signature);
    return post.send(body);
  }
  const report = (app: Express, body: string, signer: Signer = SIGNER) =>
    send(app, body, { id: signer.id, signature: signatureOf(body, signer) });

  test('githubSecretScanning accepts the documented example of GitHub, and denies it when a byte differs', async () => {
    const { app } = setUp({ public_keys: [DOCUMENTED.key] });
    const { key, signature, body } = DOCUMENTED;
    const id = key.key_identifier;
    const { body: feedback } = await send(app, body, { id, signature }).expect(200);
    expect(feedback).toEqual([
      { token_raw: 'NMIfyYncKcRALEXAMPLE', token_type: 'mycompany_api_token', label: 'false_positive' },
    ]);
    const denied = await send(app, body.replace('octocat', 'octocap'), { id, signature }).expect(401);
    expect(denied.body).toMatchObject({ code: 'unauthenticated' });
    expect(denied.headers['www-authenticate']).toBe('Signature');
  });

  test('githubSecretScanning revokes the keys of reported tokens, and tells which tokens are real', async () => {
    const { apiKeys, app } = setUp();
    const { key, token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['orders'] });
    const other = await apiKeys.keys.create({ name: 'Other', permissions: ['orders'] });
    const imported = 'legacy-4f9a7c2be81d4f5f9a7c2be81d';
    await apiKeys.keys.import({ token: imported, name: 'Old', agents: 'all', permissions: ['orders'] });
    const forged = forgeToken(other.token, 25);
    const body = JSON.stringify([
      { token, type: 'ks', url: URL_OF_LEAK, source: 'content' },
      { token: imported, type: 'legacy', url: `https://example.com/${imported}`, source: 'commit' },
      { token: forged, type: 'ks', url: URL_OF_LEAK, source: 'content' },
    ]);
    const { body: feedback } = await report(app, body).expect(200);
    expect(feedback).toEqual([
      { token_raw: token, token_type: 'ks', label: 'true_positive' },
      { token_raw: imported, token_type: 'legacy', label: 'true_positive' },
      { token_raw: forged, token_type: 'ks', label: 'false_positive' },
    ]);
    for (const revoked of [token, imported]) {
      expect(await apiKeys.verify(revoked)).toMatchObject({ ok: false, error: { code: 'expired_key' } });
    }
    expect(await apiKeys.verify(other.token)).toMatchObject({ ok: true });
    const { entries } = await apiKeys.audit.list({ action: 'key.exposed' });
    expect(entries).toHaveLength(2);
    const [entry] = (await apiKeys.audit.list({ action: 'key.exposed', target: key.id })).entries;
    expect(entry).toMatchObject({
      actor: 'github-secret-scanning',
      after: { exposure: { policy: 'revoke', source: 'github', url: URL_OF_LEAK } },
    });
    expect(JSON.stringify(entries)).not.toMatch(new RegExp(`${imported}|${token}`));
  });

  test('githubSecretScanning follows its policy', async () => {
    const { apiKeys, app } = setUp([publicOf(SIGNER)], { policy: 'notify' });
    const { token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['orders'] });
    await report(app, JSON.stringify([{ token, type: 'ks', url: null }])).expect(200);
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
    expect((await apiKeys.audit.list({ action: 'key.exposed' })).entries).toHaveLength(1);
  });

  test.each([
    ['there is no signature', (body: string) => ({ id: SIGNER.id, signature: undefined, body })],
    ['there is no identifier', (body: string) => ({ id: undefined, signature: signatureOf(body, SIGNER), body })],
    [
      'the identifier is unknown',
      (body: string) => ({ id: 'c'.repeat(64), signature: signatureOf(body, SIGNER), body }),
    ],
    ['another key has signed', (body: string) => ({ id: SIGNER.id, signature: signatureOf(body, OTHER_SIGNER), body })],
    ['the signature is no DER', (body: string) => ({ id: SIGNER.id, signature: 'AAAA', body })],
    ['the signature is no base64', (body: string) => ({ id: SIGNER.id, signature: '%%%', body })],
    [
      'the body has one byte more',
      (body: string) => ({ id: SIGNER.id, signature: signatureOf(body, SIGNER), body: `${body} ` }),
    ],
  ])('githubSecretScanning responds 401 and changes nothing when %s', async (_what, forge) => {
    const { apiKeys, app, errors } = setUp();
    const { token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['orders'] });
    const { id, signature, body } = forge(JSON.stringify([{ token, type: 'ks' }]));
    const denied = await send(app, body, {
      ...(id !== undefined && { id }),
      ...(signature !== undefined && { signature }),
    }).expect(401);
    expect(denied.text).not.toContain(token);
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
    expect(errors).toEqual([]);
  });

  test('githubSecretScanning rejects bodies that are too long, or no list of matches, after the signature', async () => {
    const { app } = setUp([publicOf(SIGNER)], { maxBody: 200 });
    await report(app, JSON.stringify([{ token: 'x'.repeat(300), type: 'ks' }])).expect(413);
    for (const body of ['{}', '[{"token":"x"}]', '[', '[{"token":1,"type":"ks"}]']) {
      expect((await report(app, body).expect(400)).body).toMatchObject({ code: 'invalid_request' });
    }
    await request(app).post('/scan').type('form').send('a=b').expect(401);
  });

  test('githubSecretScanning verifies the bytes that express.raw has kept, and explains a parsed body', async () => {
    const { apiKeys, errors } = setUp();
    const body = '[ ]';
    const raw = express().use(express.raw({ type: '*/*' }));
    raw.post('/scan', apiKeys.githubSecretScanning({ publicKeys: [publicOf(SIGNER)] }));
    expect((await report(raw, body).expect(200)).body).toEqual([]);
    const parsed = express().use(express.json());
    parsed.post('/scan', apiKeys.githubSecretScanning({ publicKeys: [publicOf(SIGNER)] }));
    await report(parsed, body).expect(500);
    expect(errors).toMatchObject([
      { code: 'internal_error', message: expect.stringContaining('before express.json()') },
    ]);
  });

  test('githubSecretScanning fetches the keys once, and again for an unknown identifier once a minute', async () => {
    let fetches = 0;
    let keys = [publicOf(SIGNER)];
    const { app, clock } = setUp(async () => {
      fetches++;
      return { public_keys: keys };
    });
    await Promise.all([report(app, '[]').expect(200), report(app, '[]').expect(200)]);
    await report(app, '[]').expect(200);
    expect(fetches).toBe(1);
    await report(app, '[]', OTHER_SIGNER).expect(401);
    expect(fetches).toBe(1);
    keys = [publicOf(OTHER_SIGNER)];
    clock.advance(60_000);
    await report(app, '[]', OTHER_SIGNER).expect(200);
    await report(app, '[]', SIGNER).expect(401);
    expect(fetches).toBe(2);
  });

  test('githubSecretScanning fetches the keys again after an hour, and keeps them when that fails', async () => {
    let fetches = 0;
    const { app, clock, errors } = setUp(async () => {
      fetches++;
      if (fetches > 1) throw new Error('ECONNREFUSED');
      return [publicOf(SIGNER)];
    });
    await report(app, '[]').expect(200);
    clock.advance(3_600_000);
    await report(app, '[]').expect(200);
    await report(app, '[]').expect(200);
    expect(fetches).toBe(2);
    expect(errors).toMatchObject([{ code: 'internal_error', cause: { message: 'ECONNREFUSED' } }]);
  });

  test('githubSecretScanning responds 500 when the keys were never fetched', async () => {
    const { app, errors } = setUp(async () => ({ message: 'rate limited' }) as never);
    const { text } = await report(app, '[]').expect(500);
    expect(text).not.toContain('rate limited');
    expect(errors).not.toHaveLength(0);
  });

  test('githubSecretScanning accepts POST only', async () => {
    const { apiKeys } = setUp();
    const app = express().use('/scan', apiKeys.githubSecretScanning({ publicKeys: [publicOf(SIGNER)] }));
    expect((await request(app).get('/scan').expect(405)).headers.allow).toBe('POST');
  });
});

test('githubSecretScanning throws when it is created with keys that cannot be used', () => {
  const apiKeys = createApiKeys({ permissions: { orders: { label: 'Orders' } } });
  const wrong: unknown[] = [
    undefined,
    [],
    'key',
    {},
    [{ key_identifier: 'a', key: 'x' }],
    [{ key_identifier: 'a', key: P384_KEY }],
  ];
  for (const publicKeys of wrong) {
    expect(() => apiKeys.githubSecretScanning({ publicKeys: publicKeys as never })).toThrow(
      expect.objectContaining({ code: 'invalid_options', issues: [expect.objectContaining({ path: 'publicKeys' })] }),
    );
  }
});

test('FetchedKeys gives up a function that never returns, and calls it again a minute later', async () => {
  jest.useFakeTimers();
  try {
    const clock = fakeClock();
    const errors: KeyscopeError[] = [];
    let fetches = 0;
    const fetch = () => (++fetches === 1 ? new Promise(() => undefined) : [publicOf(SIGNER)]);
    const keys = new FetchedKeys(fetch, clock, (error) => errors.push(error));
    const found = expect(keys.find(SIGNER.id)).rejects.toMatchObject({ code: 'internal_error' });
    await jest.advanceTimersByTimeAsync(10_000);
    await found;
    expect(errors).toMatchObject([{ cause: { message: expect.stringContaining('within 10 seconds') } }]);
    clock.advance(60_000);
    expect(await keys.find(SIGNER.id)).toBeDefined();
    expect(fetches).toBe(2);
  } finally {
    jest.useRealTimers();
  }
});
