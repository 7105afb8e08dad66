import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';

const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** Result of a `curl` line. */
export interface CurlResult {
  readonly status: number;
  readonly output: string;
}

function runCurl(line: string, cwd: string): Promise<CurlResult> {
  return new Promise((fulfil, reject) => {
    // The headers go to a file, so that the status does not depend on the output of the line.
    const child = spawn('sh', ['-c', `${line} --dump-header headers`], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`${line}\nended with ${code}: ${errors}`));
      else fulfil({ status: statusIn(cwd), output });
    });
  });
}

function statusIn(cwd: string): number {
  const { stdout } = spawnSync('head', ['-n', '1', 'headers'], { cwd, encoding: 'utf8' });
  return Number(stdout.split(' ')[1]);
}

/** The options of curl that the example's lines use. */
async function runFetch(line: string, cwd: string): Promise<CurlResult> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '').slice(1);
  const headers: Record<string, string> = {};
  let url = '';
  let method = 'GET';
  let body: string | undefined;
  let file: string | undefined;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index]!;
    if (['-H', '-X', '-d', '-o', '-w'].includes(word)) {
      index += 1;
      const value = words[index]!;
      if (word === '-X') method = value;
      if (word === '-o') file = resolve(cwd, value);
      if (word === '-d') {
        body = value;
        if (method === 'GET') method = 'POST';
      }
      if (word === '-H') headers[value.slice(0, value.indexOf(':'))] = value.slice(value.indexOf(':') + 1).trim();
    } else if (!word.startsWith('-')) url = word;
  }
  const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
  if (file !== undefined) {
    await writeFile(file, Buffer.from(await response.arrayBuffer()));
    return { status: response.status, output: '' };
  }
  const shownHeaders = [...response.headers].map(([name, value]) => `${name}: ${value}\n`).join('');
  return { status: response.status, output: (line.includes('-si') ? shownHeaders : '') + (await response.text()) };
}

/** Runs a line with curl, or with fetch if curl is not installed. */
export function run(line: string, cwd: string): Promise<CurlResult> {
  return hasCurl ? runCurl(line, cwd) : runFetch(line, cwd);
}
