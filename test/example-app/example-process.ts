import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { waitUntil } from '../support/wait-until';

const ROOT = join(__dirname, '..', '..');
const TSX = join(ROOT, 'node_modules', 'tsx', 'dist', 'cli.mjs');

export interface Printed {
  readonly status: number;
  readonly curl: string;
}

/** The example as `npm start` runs it, in a process of its own. */
export interface ExampleProcess {
  readonly child: ChildProcess;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  stdout(): string;
  stderr(): string;
  /** Resolves once everything is printed; rejects when the process ends before. */
  ready(): Promise<void>;
  address(): string;
  /** The lines to paste, with the status each is said to be answered with. */
  printed(): Printed[];
  /** Asks it to stop, as a terminal or a supervisor would. */
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
