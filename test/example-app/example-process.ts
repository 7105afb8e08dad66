import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { waitUntil } from '../support/wait-until';

const ROOT = join(__dirname, '..', '..');
const TSX = join(ROOT, 'node_modules', 'tsx', 'dist', 'cli.mjs');

export interface Printed {
  readonly status: number;
  readonly curl: string;
}

/** The example in a separate process, as `npm start` runs it. */
export interface ExampleProcess {
  readonly child: ChildProcess;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  stdout(): string;
  stderr(): string;
  /** Resolves when everything is printed; rejects if the process ends before. */
  ready(): Promise<void>;
  address(): string;
  /** The printed commands with their status. */
  printed(): Printed[];
  /** Sends a signal and waits for the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export function startExample(env: Record<string, string>): ExampleProcess {
  const child = spawn(process.execPath, [TSX, 'example-app/main.ts'], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  let hasEnded = false;
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      hasEnded = true;
      resolve(code);
    });
  });

  return {
    child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    async ready() {
      await waitUntil(
        'the example has printed its last command, or has ended',
        () => hasEnded || stdout.includes('# 410'),
      );
      if (hasEnded) throw new Error(`The example ended: ${stderr}`);
    },
    address: () => /http:\/\/\S+/.exec(stdout)?.[0] ?? '',
    printed: () =>
      [...stdout.matchAll(/^ +# (\d{3}): .*\n +(curl .*)$/gm)].map(([, status, curl]) => ({
        status: Number(status),
        curl: curl ?? '',
      })),
    async stop(signal = 'SIGTERM') {
      if (!hasEnded) child.kill(signal);
      return ended;
    },
  };
}
