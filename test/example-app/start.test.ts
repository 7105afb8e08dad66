import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { type ExampleProcess, startExample } from './example-process';
import { run } from './run-curl';

jest.setTimeout(60_000);

let folder: string;
const running: ExampleProcess[] = [];

async function started(env: Record<string, string> = {}): Promise<ExampleProcess> {
  const example = startExample(env);
  running.push(example);
  await example.ready();
  return example;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyscope-example-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((example) => example.stop()));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs every printed line in order and compares the status. */
async function runTour(example: ExampleProcess): Promise<string[]> {
  const outputs: string[] = [];
  expect(example.printed().length).toBeGreaterThanOrEqual(15);
  for (const { status, curl } of example.printed()) {
    const result = await run(curl, folder);
    expect([curl, result.status, result.output]).toEqual([curl, status, expect.any(String)]);
    outputs.push(result.output);
  }
  return outputs;
}

/** Transcripts and metrics in the responses to the first two lists of the tour. */
function expectFlip(outputs: readonly string[]): void {
  const open = JSON.parse(outputs[1]!).conversations[0];
  expect(open.turns.length).toBe(open.num_turns);
  expect(Object.keys(open.metrics).length).toBeGreaterThan(1);
  const closed = JSON.parse(outputs[3]!.slice(outputs[3]!.indexOf('{'))).conversations[0];
  expect(closed).toMatchObject({ id: open.id, turns: [], num_turns: open.num_turns });
  expect(Object.keys(closed.metrics)).toEqual(['CALL_COMPLETED']);
  expect(outputs[3]).toMatch(/^redacted: transcript, metrics\r?$/im);
}

test('the example in memory prints commands that work, and exits 0 after SIGINT', async () => {
  const example = await started();
  expect(example.address()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expectFlip(await runTour(example));
  expect((await readFile(join(folder, 'call.wav'), 'latin1')).slice(0, 4)).toBe('RIFF');
  expect(example.stderr()).toBe('');
  expect(await example.stop('SIGINT')).toBe(0);
});

describe('on Redis', () => {
  let redis: TestRedis;
  let env: Record<string, string>;

  beforeAll(async () => {
    redis = await testRedis();
    env = { REDIS_URL: redis.url, KEYSCOPE_NAMESPACE: redis.namespace };
  });
  afterAll(() => redis.stop());

  const tokensOf = (example: ExampleProcess) => [
    ...new Set(example.stdout().match(/ks_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}/g)),
  ];
  const listWith = async (example: ExampleProcess, token: string) => {
    const url = `${example.address()}/v1/agents`;
    return (await fetch(url, { headers: { 'x-api-key': token } })).status;
  };

  test('keys on Redis survive a restart, and the printed commands work at every start', async () => {
    const first = await started(env);
    const tokens = tokensOf(first);
    expect(tokens).toHaveLength(5);
    expectFlip(await runTour(first));
    expect(await first.stop()).toBe(0);

    const second = await started(env);
    for (const token of tokens) expect(await listWith(second, token)).toBe(200);
    // Tokens are shown once: the second start names the first one's keys by their masked form only.
    for (const token of tokens) expect(second.stdout()).not.toContain(token);
    expect(second.stdout()).toContain(`${tokens[0]!.slice(0, 11)}************${tokens[0]!.slice(-4)}`);
    expectFlip(await runTour(second));
    expect(await second.stop()).toBe(0);
  });
});

describe('mistakes in the environment', () => {
  async function failing(env: Record<string, string>): Promise<string> {
    const example = startExample(env);
    running.push(example);
    expect(await example.ended).toBe(1);
    expect(example.stdout()).toBe('');
    expect(example.stderr()).not.toMatch(/^\s+at /m);
    expect(example.stderr().trim().split('\n')).toHaveLength(1);
    return example.stderr();
  }

  test('a port in use is reported in one sentence', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      expect(await failing({ PORT: String(port) })).toContain(`Port ${port} is taken.`);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });

  test('an invalid port is reported in one sentence', async () => {
    expect(await failing({ PORT: '70000' })).toContain('PORT is "70000"');
  });

  test('an unreachable Redis is reported in one sentence without its password', async () => {
    const sentence = await failing({ REDIS_URL: 'redis://user:hunter2@127.0.0.1:1' });
    expect(sentence).toContain('Redis at 127.0.0.1:1 cannot be used: connect ECONNREFUSED');
    expect(sentence).not.toContain('hunter2');
  });
});
