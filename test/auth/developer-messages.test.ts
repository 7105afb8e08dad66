import { createApiKeys, type DeniedEvent } from 'keyscope';

const permissions = { conversations: { label: 'Conversations' }, handoff: { label: 'Handoff' } };

function setUp() {
  const apiKeys = createApiKeys({ permissions });
  const denied: DeniedEvent[] = [];
  apiKeys.on('denied', (event) => denied.push(event));
  return { apiKeys, denied };
}

type Keys = ReturnType<typeof setUp>['apiKeys'];
const request = { method: 'GET', headers: {}, url: '/' };

test.each<[string, (apiKeys: Keys) => unknown, RegExp]>([
  ['an array', (keys) => keys.requireApiKey(['handoff'] as never), /\{ anyOf: \['conversations'\] \}.*\{ allOf/],
  ['a number', (keys) => keys.requireApiKey(1 as never), /Expected a permission, or an object.*Received 1/],
  ['an empty object', (keys) => keys.requireApiKey({} as never), /anyOf.*allOf.*Received neither or both/],
  ['a misspelt name', (keys) => keys.requireApiKey('hand-off' as never), /Did you mean "handoff"\?/],
  ['a path as agent', (keys) => keys.requireApiKey('handoff', { agent: '/:id' }), /`agent`.*such as 'id' for '\/:id'/],
  ['a name with a colon', (keys) => keys.requireApiKey('handoff', { workspace: ':ws' }), /`workspace`.*'id' for/],
  ['a string as options', (keys) => keys.requireApiKey('handoff', 'id' as never), /its fields are workspace, agent,/],
  ['a request', (keys) => keys.requireApiKey(request as never), /Pass the middleware that requireApiKey\(\) returns/],
])('requireApiKey says what it accepts when it receives %s', (_name, create, message) => {
  expect(() => create(setUp().apiKeys)).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
  );
});

test.each<[string, (apiKeys: Keys) => unknown, RegExp]>([
  ['a request', (keys) => keys.requireFeature(request as never), /middleware that requireFeature\(\) returns/],
  ['an unknown feature', (keys) => keys.requireFeature('metric' as never), /'metric:CSAT'.*Received "metric"/],
])('requireFeature says what it accepts when it receives %s', (_name, create, message) => {
  expect(() => create(setUp().apiKeys)).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
  );
});

test.each<[string, (token: string) => string, RegExp]>([
  ['has quotes around it', (token) => `"${token}"`, /quotes/],
  ['begins with a scheme', (token) => `Bearer ${token}`, /scheme/],
  ['is the name of a variable', () => '$API_KEY', /variable that was not replaced/],
  ['is a placeholder', () => '{{apiKey}}', /variable that was not replaced/],
  ['is the word undefined', () => 'undefined', /variable that is not set/],
  ['was cut', (token) => token.slice(0, 30), /cut or extended/],
  ['has more characters around it', (token) => `key=${token}`, /contains a token/],
  ['is very long', (token) => token.repeat(50), /longer than any token/],
  ['is another credential', () => 'AKIAIOSFODNN7EXAMPLE', /another credential/],
  ['has another prefix', (token) => token.replace('ks_', 'sk_live_'), /other prefix|another prefix.*ks_/],
  ['was mistyped', (token) => token.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')), /checksum/],
])('the denied event has a hint without the token when the value %s', async (_name, change, hint) => {
  const { apiKeys, denied } = setUp();
  const { token } = await apiKeys.keys.create({ name: 'k', permissions: ['handoff'] });
  const result = await apiKeys.verify(change(token));
  expect(result).toMatchObject({ ok: false, error: { code: 'invalid_key', message: 'The API key is not valid.' } });
  expect(denied).toEqual([expect.objectContaining({ code: 'invalid_key', hint: expect.stringMatching(hint) })]);
  expect(denied[0]?.hint).not.toContain(token.slice(8, 30));
});
