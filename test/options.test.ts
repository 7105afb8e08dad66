import { createApiKeys, KeyscopeError } from 'keyscope';

const permissions = { conversations: { label: 'Conversations data' } };

function issuesOf(options: object): Record<string, string> {
  try {
    createApiKeys({ permissions, ...options });
  } catch (error) {
    if (!(error instanceof KeyscopeError) || error.code !== 'invalid_options') throw error;
    return Object.fromEntries(error.issues.map(({ path, message }) => [path, message]));
  }
  throw new Error('expected invalid_options');
}

/** The methods of a client of the `redis` package that ioredis does not have in this form. */
const nodeRedis = { connect() {}, sendCommand() {}, duplicate() {}, on() {} };

test.each<[string, object, string, RegExp]>([
  [
    'redis is a string',
    { redis: 'redis://127.0.0.1' },
    'redis',
    /client of ioredis.*Received a string of 17 characters/,
  ],
  [
    'redis is a node-redis client',
    { redis: nodeRedis },
    'redis',
    /client of ioredis.*Other clients.*Received an object/,
  ],
  [
    'permissions is an array',
    { permissions: ['a'] },
    'permissions',
    /\{ conversations: \{ label:.*Received an array of 1/,
  ],
  ['a permission is a string', { permissions: { a: 'A' } }, 'permissions.a', /\{ label: .*Received "A"/],
  ['permissions is empty', { permissions: {} }, 'permissions', /at least one/],
  ['a duration has an unknown unit', { defaultLifetime: '1y' }, 'defaultLifetime', /'90d'.*Received "1y"/],
  ['a duration is negative', { maxRevocationLag: -1 }, 'maxRevocationLag', /from 50 to 3600000 ms.*Received -1/],
  [
    'a timer cannot hold it',
    { usageFlushInterval: '30d' },
    'usageFlushInterval',
    /from 100 to 3600000 ms.*Received "30d"/,
  ],
  ['a warning has an unknown unit', { expiryWarnings: ['1y'] }, 'expiryWarnings.0', /'90d'.*Received "1y"/],
  ['storeTimeout is above maxRevocationLag', { storeTimeout: '2s' }, 'storeTimeout', /at most `maxRevocationLag`/],
  ['pepper is short', { pepper: 'short' }, 'pepper', /string of at least 16 characters.*Received a string of 5 char/],
  [
    'header is in upper case',
    { tokenSource: { header: 'X-Api-Key' } },
    'tokenSource.header',
    /lower case.*Received "X-Api-Key"/,
  ],
  ['leakPolicy is unknown', { leakPolicy: 'delete' }, 'leakPolicy', /"revoke".*"disable".*"notify".*Received "delete"/],
  ['onError is no function', { onError: {} }, 'onError', /function \(error, req, res, next\).*Received an object/],
  ['clock is a function', { clock: Date.now }, 'clock', /wall\(\) and monotonic\(\).*Received a function/],
  ['an option is misspelt', { permisions: {} }, 'permisions', /Did you mean "permissions"\?/],
])('createApiKeys says what it accepts and received when %s', (_name, options, path, message) => {
  expect(issuesOf(options)).toEqual({ [path]: expect.stringMatching(message) });
});

test('createApiKeys never quotes a password in an address', () => {
  expect(JSON.stringify(issuesOf({ redis: 'redis://:hunter2@127.0.0.1:6379' }))).not.toContain('hunter2');
});

test('storeTimeout defaults to maxRevocationLag if that is shorter than 500 ms', () => {
  expect(() => createApiKeys({ permissions, maxRevocationLag: 100 })).not.toThrow();
});

test.each(['params', 'headers', '_parsedUrl', 'on', 'a b', '', 'url', '__proto__'])(
  'createApiKeys throws when requestProperty is %j',
  (requestProperty) => {
    const permissions = { conversations: { label: 'Conversations data' } };
    expect(() => createApiKeys({ permissions, requestProperty })).toThrow('requestProperty');
  },
);
