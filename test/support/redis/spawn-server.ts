import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/**
 * Runs a server and sees to its end. `process.on('exit')` would not do: it does not fire inside Jest's sandbox, nor
 * if the test process is killed. The shell's standard input is a pipe from this process; when this process ends, in
 * whatever way, the pipe does, and the shell ends the server (`-9`: it may be frozen) and removes its folder.
 */
const GUARD = `
exec 3<&0
dir=$1; shift
"$@" >"$dir/output" 2>&1 3<&- &
server=$!
echo "$server"
(cat <&3; trap '' TERM; kill -9 "$server"; rm -rf "$dir") >/dev/null 2>&1 &
guard=$!
wait "$server"
kill "$guard"
`;

export interface Guarded {
  /** The server's own process. */
  readonly pid: number;
  /** Resolves when the server has ended. */
  readonly ended: Promise<void>;
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (data: Buffer) => resolve(data.toString()));
    child.once('error', reject);
    child.once('exit', () => reject(new Error('The server ended before it began.')));
  });
}

/** Starts a command under guard. Its output goes to `output` in its folder. */
export async function startGuarded(dir: string, command: readonly string[]): Promise<Guarded> {
  // In a process group of its own: Ctrl-C goes to a whole group, and the guard must outlive this process to tidy up.
  const options: SpawnOptions = { stdio: ['pipe', 'pipe', 'ignore'], detached: true };
  const child = spawn('sh', ['-c', GUARD, 'guard', dir, ...command], options);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      child.stdin?.destroy();
      resolve();
    });
  });
  const pid = Number(await firstLine(child));
  return { pid, ended };
}
