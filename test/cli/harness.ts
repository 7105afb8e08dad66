import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { Io } from '../../src/cli/io';
import { run } from '../../src/cli/run';
import { type TestRedis, testRedis } from '../support/redis/test-redis';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Given {
  /** Content of standard input. */
  readonly input?: string;
  /** True if standard input is a terminal. */
  readonly isTTY?: boolean;
  /** Width of the terminal that standard output is. Undefined if it is no terminal. */
  readonly columns?: number;
  /** Added to the environment of the world, or replacing it. */
  readonly env?: Record<string, string | undefined>;
}

/** Surroundings of command lines in a test: a folder, and a namespace in a real Redis. */
export interface World {
  readonly cwd: string;
  readonly redis: TestRedis;
  readonly env: Record<string, string | undefined>;
  run(argv: readonly string[], given?: Given): Promise<Outcome>;
  /** Writes a file into the folder. */
  write(name: string, content: string): void;
  end(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  const redis = await testRedis();
  const cwd = mkdtempSync(path.join(tmpdir(), 'keyscope-cli-'));
  const env = {
    REDIS_URL: redis.url,
    KEYSCOPE_NAMESPACE: redis.namespace,
    KEYSCOPE_PERMISSIONS: 'conversations,handoff',
  };
  return {
    cwd,
    redis,
    env,
    async run(argv, given = {}) {
      const written = { stdout: '', stderr: '' };
      const stdin = Object.assign(new PassThrough(), { isTTY: given.isTTY ?? false });
      stdin.end(given.input ?? '');
      const terminal = given.columns === undefined ? {} : { isTTY: true, columns: given.columns };
      const io: Io = {
        stdin,
        stdout: { write: (text) => (written.stdout += text), ...terminal },
        stderr: { write: (text) => (written.stderr += text), ...terminal },
        env: { ...env, ...given.env },
        cwd,
        user: 'ops',
        host: 'desk',
        now: Date.now,
      };
      return { code: await run(argv, io), ...written };
    },
    write: (name, content) => writeFileSync(path.join(cwd, name), content),
    async end() {
      rmSync(cwd, { recursive: true, force: true });
      await redis.stop();
    },
  };
}

/** The required options of `keys create`, and the agents. */
export const MINIMUM = ['--name', 'CRM', '--agents', 'all', '--permissions', 'conversations'];

export const TOKEN = /ks_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}/;

/** A new key: its record as JSON, and its token. */
export async function makeKey(
  world: World,
  argv: readonly string[] = MINIMUM,
): Promise<{ id: string; token: string; masked: string; revision: number }> {
  const { code, stdout, stderr } = await world.run(['keys', 'create', ...argv, '--json']);
  if (code !== 0) throw new Error(stderr);
  const { key, token } = JSON.parse(stdout);
  return { ...key, token };
}

/** The lines of a list as JSON. */
export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
