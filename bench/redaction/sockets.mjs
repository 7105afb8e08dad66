// Cost of redaction for a whole Express app over sockets: a front that proxies a stream, and one that responds itself.
// Only CPU and memory of the front count; upstream and client are this process.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { measure } from '../lib/measure.mjs';
import { figure } from '../lib/report.mjs';
import { median } from '../lib/statistics.mjs';
import { createPage } from './payload.mjs';

const STREAM_BYTES = 100_000_000;
const LONG_STREAM_BYTES = 2_000_000_000;
const MEMORY_ROUNDS = 3;
const WORKSPACE = 'ws-fd112d8f';
/** For a first byte that does not come. */
const TIMEOUT_MS = 5000;

/** Answers `/json?bytes=N` and `/audio?bytes=N` with so many bytes, and `/once` with one piece, after which it waits. */
async function startUpstream() {
  const some = Buffer.from(
    createPage()
      .conversations.map((one) => JSON.stringify(one))
      .join(','),
  );
  const separated = Buffer.concat([some, Buffer.from(',')]);

  async function send(res, opening, piece, bytes, closing) {
    res.write(opening);
    for (let sent = 0; sent < bytes; sent += piece.length) {
      if (!res.write(piece)) await once(res, 'drain');
    }
    res.end(closing);
  }

  const sizes = { '/json': STREAM_BYTES, '/audio': STREAM_BYTES };
  const server = http.createServer((req, res) => {
    res.setHeader('Content-Type', req.url === '/audio' ? 'audio/wav' : 'application/json');
    if (req.url === '/json') send(res, '{"conversations":[', separated, sizes['/json'], '{}],"cursor":null}');
    else if (req.url === '/audio') send(res, '', separated, sizes['/audio'], '');
    else res.write(`{"conversations":[${some.toString('utf8', 0, 60_000)}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: server.address().port, sizes };
}

async function startFront(upstream) {
  const child = fork(fileURLToPath(new URL('front.mjs', import.meta.url)), [String(upstream.port)], {
    execArgv: ['--expose-gc'],
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The front ended with status ${code}.`);
  });
  ended.catch(() => {});
  const nextMessage = async () => (await Promise.race([once(child, 'message'), ended]))[0];
  const { port, token } = await nextMessage();
  const agent = new http.Agent({ keepAlive: true });

  async function usage(type) {
    const answer = nextMessage();
    child.send({ type });
    return answer;
  }

  function request(path, onResponse) {
    return http.get({ host: '127.0.0.1', port, path, agent, headers: { 'X-API-Key': token } }, onResponse);
  }

  return {
    usage,
    /** Resolves with the number of bytes of a body, none of which is kept. */
    drain(path) {
      return new Promise((resolve, reject) => {
        request(path, (response) => {
          if (response.statusCode !== 200) reject(new Error(`${path} was answered ${response.statusCode}.`));
          let received = 0;
          response.on('data', (bytes) => {
            received += bytes.length;
          });
          response.on('end', () => resolve(received)).on('error', reject);
        }).on('error', reject);
      });
    },
    /** Resolves as soon as a first byte of a body has come. */
    firstByte(path) {
      return new Promise((resolve, reject) => {
        const req = request(path, (response) => {
          response.on('error', () => {});
          response.once('data', () => {
            resolve(true);
            req.destroy();
          });
        });
        req.on('error', reject);
        req.setTimeout(TIMEOUT_MS, () => {
          resolve(false);
          req.destroy();
        });
      });
    },
    async end() {
      agent.destroy();
      child.send({ type: 'end' });
      await ended.catch(() => {});
    },
  };
}

const route = (kind, project, path) => `/${kind}/${WORKSPACE}/${project}${path}`;

/** Name, baseline, path, requests in a sample, and the most that the ratio to the baseline should be. */
const STREAMS = [
  ['JSON, plain pipe', 'JSON, plain pipe', route('plain', 'off', '/json')],
  ['JSON, transcript off', 'JSON, plain pipe', route('redacted', 'off', '/json'), 1.65],
  ['JSON, transcript on', 'JSON, plain pipe', route('redacted', 'on', '/json'), 1.65],
  ['JSON, everything enabled', 'JSON, plain pipe', route('redacted', 'all', '/json')],
  ['audio, plain pipe', 'audio, plain pipe', route('plain', 'off', '/audio')],
  ['audio, passthrough', 'audio, plain pipe', route('redacted', 'off', '/audio'), 1.02],
];
const ANSWERS = [
  ['audio of 1 MiB, plain', 'audio of 1 MiB, plain', route('plain', 'off', '/audio/1048576')],
  ['audio of 1 MiB, passthrough', 'audio of 1 MiB, plain', route('redacted', 'off', '/audio/1048576'), 1.02],
  ['audio of 1 KiB, plain', 'audio of 1 KiB, plain', route('plain', 'off', '/audio/1024')],
  ['audio of 1 KiB, passthrough', 'audio of 1 KiB, plain', route('redacted', 'off', '/audio/1024')],
  ['page by res.json, plain', 'page by res.json, plain', route('plain', 'off', '/page')],
  ['page by res.json, transcript off', 'page by res.json, plain', route('redacted', 'off', '/page')],
  ['page by res.json, transcript on', 'page by res.json, plain', route('redacted', 'on', '/page')],
  ['page by res.json, everything enabled', 'page by res.json, plain', route('redacted', 'all', '/page')],
];

async function table(report, title, front, cases, requests, rounds) {
  const rows = await measure(
    cases.map(([name, baseline, path]) => ({
      name,
      baseline,
      requests: requests(path),
      batchSize: requests(path),
      prepare: async (size) => {
        await front.usage('before');
        return async () => {
          for (let i = 0; i < size; i++) await front.drain(path);
        };
      },
      cpu: async () => (await front.usage('now')).cpu,
    })),
    { rounds, onRound: (round, of) => report.progress(`${title}: round ${Math.max(round, 0)} of ${of}`) },
  );
  report.table(
    title,
    [
      ['', (row) => row.name],
      ['CPU ms', (row) => figure(row.cpuMicros / 1000)],
      ['× plain', (row) => row.ratio.toFixed(3)],
    ],
    rows,
  );
  for (const [name, , , most] of cases) {
    if (most === undefined) continue;
    const { ratio } = rows.find((row) => row.name === name);
    report.target(name, {
      value: Number(ratio.toFixed(3)),
      unit: '× plain',
      bound: `at most ${most}`,
      met: ratio <= most,
    });
  }
}

/** Peak memory of a front of its own for each, since a process's peak never falls. */
async function memory(report, upstream) {
  const paths = { plain: route('plain', 'off', '/json'), redacted: route('redacted', 'on', '/json') };
  const peaks = { plain: [], redacted: [] };
  upstream.sizes['/json'] = LONG_STREAM_BYTES;
  for (let round = 0; round < MEMORY_ROUNDS; round++) {
    for (const [kind, path] of Object.entries(paths)) {
      report.progress(`2 GB, ${kind}: round ${round} of ${MEMORY_ROUNDS}`);
      const front = await startFront(upstream);
      await front.drain(path);
      peaks[kind].push((await front.usage('now')).rss);
      await front.end();
    }
  }
  upstream.sizes['/json'] = STREAM_BYTES;
  const rows = Object.entries(peaks).map(([name, list]) => ({ name, peak: median(list), rounds: MEMORY_ROUNDS }));
  const [plain, redacted] = rows;
  report.table(
    'A proxied stream of 2 GB: peak resident memory of the proxy',
    [
      ['', (row) => row.name],
      ['MB', (row) => figure(row.peak / 1e6)],
    ],
    rows,
  );
  const ratio = redacted.peak / plain.peak;
  report.target('peak memory of a stream of 2 GB', {
    value: Number(ratio.toFixed(3)),
    unit: '× plain pipe',
    bound: 'at most 1.1',
    met: ratio <= 1.1,
  });
}

async function firstByte(report, front) {
  const met = await front.firstByte(route('redacted', 'on', '/once'));
  report.target('pieces of an upstream before the first byte leaves', {
    value: met ? 1 : 'more than 1',
    unit: 'of 60 KB',
    bound: 'at most 1',
    met,
  });
}

export async function sockets(report, rounds) {
  const upstream = await startUpstream();
  const front = await startFront(upstream);
  try {
    await table(report, 'Proxied streams of 100 MB', front, STREAMS, () => 1, rounds);
    const requests = (path) => (path.endsWith('/1024') ? 500 : 20);
    await table(report, 'Answers of an Express app', front, ANSWERS, requests, rounds);
    await firstByte(report, front);
    await memory(report, upstream);
  } finally {
    await front.end();
    upstream.server.closeAllConnections();
    upstream.server.close();
  }
}
