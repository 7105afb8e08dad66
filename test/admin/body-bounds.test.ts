import { expresses } from '../support/express-versions';
import { setup, valid } from './setup';

const [[, express]] = expresses as [(typeof expresses)[number]];
/** Just below the default `maxBody`. */
const SIZE = 1_000_000;

function fill(open: string, member: (index: number) => string, close: string): string {
  let text = open + member(0);
  for (let index = 1; text.length < SIZE - 100; index++) text += `,${member(index)}`;
  return text + close;
}

const members = fill('{', (index) => `"${index.toString(36)}":0`, '}');
const TOO_COMPLEX: [string, string][] = [
  ['has more unknown fields than values are allowed', members],
  ['has more agents than values are allowed', fill('{"agents":[', (index) => `"${index.toString(36)}"`, ']}')],
  ['is nested deep', `{"name":${'['.repeat(SIZE / 2)}${']'.repeat(SIZE / 2)}}`],
  ['has quotes and backslashes before its members', `{"\\"\\\\":0,${members.slice(1)}`],
];

/** The longest text that is parsed while `call` runs. */
async function longestParsed(call: () => Promise<unknown>): Promise<number> {
  const parse = jest.spyOn(JSON, 'parse');
  try {
    await call();
    return Math.max(0, ...parse.mock.calls.map(([text]) => String(text).length));
  } finally {
    parse.mockRestore();
  }
}

test.each(TOO_COMPLEX)('adminRouter rejects a body without parsing it when it %s', async (_, body) => {
  const { as } = setup(express);
  const post = () => as().post('/keys').set('content-type', 'application/json').send(body);
  const longest = await longestParsed(async () => {
    expect((await post().expect(400)).body).toMatchObject({ code: 'invalid_request', issues: [{ path: '' }] });
  });
  expect(longest).toBeLessThan(1000);
});

test('adminRouter rejects a string body without parsing it when a middleware has read it', async () => {
  const { as } = setup(express, {
    before: [
      (req, _res, next) => {
        req
          .on('data', () => {})
          .on('end', () => {
            (req as { body?: unknown }).body = members;
            next();
          });
      },
    ],
  });
  const longest = await longestParsed(() =>
    as().post('/keys').set('content-type', 'application/json').send('{}').expect(400),
  );
  expect(longest).toBeLessThan(1000);
});

test('adminRouter accepts a body when long strings contain brackets and commas', async () => {
  const agents = Array.from({ length: 1000 }, (_, index) => `${index} ${'[,{"\\'.repeat(20)}`);
  await setup(express)
    .as()
    .post('/keys')
    .send({ ...valid, agents })
    .expect(201);
});

test('adminRouter reports a repeated parameter once when a query repeats it thousands of times', async () => {
  const { body } = await setup(express)
    .as()
    .get(`/keys?${'q&'.repeat(4000)}`)
    .expect(400);
  expect(body.issues).toEqual([{ path: 'q', message: expect.stringContaining('more than once') }]);
});

test('keys.create compares at most five unknown permissions with the declared ones', async () => {
  const permissions = Array.from({ length: 1000 }, (_, index) => `conversation${index}`);
  const { body } = await setup(express)
    .as()
    .post('/keys')
    .send({ ...valid, permissions })
    .expect(400);
  const suggestions = body.issues.filter(({ message }: { message: string }) => message.includes('Did you mean'));
  expect(suggestions).toHaveLength(5);
  expect(body.issues).toHaveLength(50);
});

test.each(['create', 'update'] as const)('keys.%s reads few fields of an object with very many', async (call) => {
  let reads = 0;
  const fields = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`field ${index}`, 0]));
  const input = new Proxy(fields, {
    get(target, name) {
      reads++;
      return target[String(name)];
    },
  });
  const { keys } = setup(express);
  const rejected = call === 'update' ? keys.update('0'.repeat(16), input as never) : keys[call](input as never);
  await expect(rejected).rejects.toMatchObject({ code: 'invalid_request', issues: { length: 50 } });
  expect(reads).toBeLessThan(5000);
});
