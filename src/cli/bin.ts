#!/usr/bin/env node
import { hostname, userInfo } from 'node:os';
import { run } from './run';

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In containers, a user may have a number and no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}

// A program that reads the output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  user: userName(),
  host: hostname(),
  now: Date.now,
}).then((code) => {
  process.exitCode = code;
});
