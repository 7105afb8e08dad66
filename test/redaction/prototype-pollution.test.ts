import express from 'express';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { redactValue } from '../../src/redaction/object-redactor';
import { resolveRedactOptions } from '../../src/redaction/options';
import { type PolicySource, restricts, withheldBy } from '../../src/redaction/policy';
import { filterWhole } from './helpers';

const { fields, limits } = resolveRedactOptions();
const BODY = '{"project_id":"P","turns":["said"],"metrics":{"a":1}}';
const REDACTED = '{"project_id":"P","turns":[],"metrics":{}}';

/** While every object inherits these members. */
function polluted<T>(members: object, work: () => T): T {
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
  }
  try {
    return work();
  } finally {
    for (const name of Object.keys(members)) Reflect.deleteProperty(Object.prototype, name);
  }
}

const everything = { transcript: true, metrics: 'all' };
const mixed: PolicySource = { featuresFor: () => ({}) as never };
const fixed: PolicySource = { features: {} as never };

test.each([
  ['a policy that mixes projects', mixed],
  ['a project without features', fixed],
])('inherited properties enable nothing: %s', (_, subject) => {
  const [whole, value, withheld, open] = polluted({ features: everything, ...everything }, () => [
    filterWhole(BODY, fields, subject, limits).toString(),
    redactValue(JSON.parse(BODY), fields, subject),
    withheldBy({} as never),
    restricts(subject),
  ]);
  expect(whole).toBe(REDACTED);
  expect(value).toMatchObject({ needsText: false, value: JSON.parse(REDACTED) });
  expect(withheld).toEqual(['transcript', 'metrics']);
  expect(open).toBe(true);
});

test('inherited properties are no options', () => {
  const options = polluted({ transcript: ['other'], passthrough: ['text/csv'], project: () => 'P' }, () =>
    resolveRedactOptions({}),
  );
  expect(options.passthrough).toEqual([]);
  expect(options.project).toBeUndefined();
  expect(redactValue(JSON.parse(BODY), options.fields, fixed)).toMatchObject({ value: JSON.parse(REDACTED) });
});

test('inherited properties allow no request', async () => {
  const apiKeys = createApiKeys({ permissions: { conversations: { label: 'Conversations' } } });
  const app = express();
  const inherited = { optional: true, agent: false, agentId: false };
  const guard = polluted(inherited, () => apiKeys.requireApiKey('conversations', {}));
  app.get('/', guard, (_req, res) => void res.json({}));
  const { token } = await apiKeys.keys.create({ name: 'k', agents: ['P'], permissions: ['conversations'] });
  await request(app).get('/').expect(401);
  await request(app).get('/').set('x-api-key', token).expect(403);
  const { token: good } = await apiKeys.keys.create({ name: 'k', agents: 'all', permissions: ['conversations'] });
  await apiKeys.verify(good);
  const server = app.listen(0, '127.0.0.1');
  let ofHeaders: object | undefined;
  server.prependListener('request', (req) => {
    // That of Node's own objects, which is another than the tests'.
    ofHeaders = Object.getPrototypeOf(req.headers) as object;
    Object.defineProperty(ofHeaders, 'x-api-key', { value: good, configurable: true });
  });
  server.on('request', () => Reflect.deleteProperty(ofHeaders!, 'x-api-key'));
  const answered = await request(server).get('/');
  server.close();
  expect(answered.status).toBe(401);
  for (const options of [undefined, {}]) {
    const verification = await polluted(inherited, () => apiKeys.verify(token, options));
    expect(verification.ok).toBe(false);
  }
});
