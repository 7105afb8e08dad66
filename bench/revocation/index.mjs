// Delay until every process denies a deleted key, without failures.
//
// npm run bench -- revocation [--revocations=1000] [--resp3] [--json]
//
// Four processes have a key in their caches and a signal of it, and verify it every millisecond; in turn, one of them
// deletes it. The figures are the times from the moment `keys.delete` resolved until the signal aborted, and until the
// first denial, in the slowest process. A denial waits for the next request, for a millisecond or two. `npm run
// test:faults` measures denials under failures. If `--resp3` is given, invalidations arrive over RESP3, through a proxy in
// this process that refuses `REDIRECT`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createApiKeys } from 'keyscope';
import { connectRedis, startRedis } from '../lib/redis.mjs';
import { refuseRedirect } from '../lib/refuse-redirect.mjs';
import { createReport, figure } from '../lib/report.mjs';
import { quantile } from '../lib/statistics.mjs';

const PROCESSES = 4;
const WARM_UP = 20;
const TARGETS = { p50: 1, p99: 10 };
const PERMISSIONS = { conversations: { label: 'Conversations data' } };
const KEY = { workspaceId: 'ws-fd112d8f', name: 'CRM', agents: 'all', permissions: ['conversations'] };

const named = process.argv.find((arg) => arg.startsWith('--revocations='));
const protocol = process.argv.includes('--resp3') ? 'resp3' : 'resp2';
const revocations = Number(named?.slice('--revocations='.length) ?? 1000);

function startProcess(url) {
  const child = fork(fileURLToPath(new URL('process.mjs', import.meta.url)), [url, protocol], { execArgv: [] });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`A process ended with status ${code}.`);
  });
  ended.catch(() => {});
  /** The next message of the process, which must be of this type. */
  async function nextMessage(type) {
    const [message] = await Promise.race([once(child, 'message'), ended]);
    if (message.type !== type) throw new Error(`A process said '${message.type}' where '${type}' was due.`);
    return message;
  }
  async function end() {
    if (child.connected) child.send({ type: 'end' });
    await ended.catch(() => {});
  }
  return { child, nextMessage, end };
}

/** Deletes a key through one process while all ask for it. Gives how late each noticed, in milliseconds. */
async function revoke(processes, by, { key, token }) {
  const warm = processes.map(({ nextMessage }) => nextMessage('warm'));
  for (const { child } of processes) child.send({ type: 'watch', token });
  await Promise.all(warm);

  const messages = processes.map(() => []);
  const received = processes.map(
    ({ child }, index) =>
      new Promise((resolve) => {
        const due = index === by ? 2 : 1;
        child.on('message', function listen(message) {
          messages[index].push(message);
          if (messages[index].length < due) return;
          child.off('message', listen);
          resolve();
        });
      }),
  );
  processes[by].child.send({ type: 'delete', id: key.id });
  await Promise.all(received);
  const acknowledgedAt = messages[by].find(({ type }) => type === 'acknowledged').at;
  return messages.map((ofProcess) => {
    const { at, lastAcceptedAt, abortedAt } = ofProcess.find(({ type }) => type === 'refused');
    return {
      refused: Math.max(0, at - acknowledgedAt),
      accepted: Math.max(0, lastAcceptedAt - acknowledgedAt),
      aborted: Math.max(0, abortedAt - acknowledgedAt),
    };
  });
}

function row(name, lags) {
  return { name, p50: quantile(lags, 0.5), p99: quantile(lags, 0.99), max: Math.max(...lags) };
}

const report = createReport('revocation');
const server = await startRedis();
const proxy = protocol === 'resp3' ? await refuseRedirect(server) : null;
const { url } = proxy ?? server;
const redis = connectRedis({ url });
const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis });
const processes = Array.from({ length: PROCESSES }, () => startProcess(url));
try {
  await Promise.all([apiKeys.ready(), ...processes.map(({ nextMessage }) => nextMessage('ready'))]);
  const outcomes = [];
  for (let round = -WARM_UP; round < revocations; round++) {
    const outcome = await revoke(processes, Math.abs(round) % PROCESSES, await apiKeys.keys.create(KEY));
    if (round >= 0) outcomes.push(outcome);
    if (round % 50 === 0) report.progress(`${Math.max(0, round)} of ${revocations} revoked`);
  }
  const slowest = (field) => outcomes.map((outcome) => Math.max(...outcome.map((each) => each[field])));
  const rows = [
    row('signal aborts, slowest process', slowest('aborted')),
    row('first refusal, slowest process', slowest('refused')),
    row(
      'first refusal, any process',
      outcomes.flatMap((outcome) => outcome.map(({ refused }) => refused)),
    ),
    row('last allowed request, slowest process', slowest('accepted')),
  ];
  report.table(
    `Milliseconds after the acknowledgement, ${outcomes.length} revocations, ${PROCESSES} processes, ${protocol.toUpperCase()}`,
    [
      ['', ({ name }) => name],
      ['p50', ({ p50 }) => figure(p50)],
      ['p99', ({ p99 }) => figure(p99)],
      ['max', ({ max }) => figure(max)],
    ],
    rows,
  );
  const [signal, denial] = rows;
  for (const { name, value, bound } of [
    { name: 'signal aborts in the slowest process, p50', value: signal.p50, bound: TARGETS.p50 },
    { name: 'first refusal in the slowest process, p50', value: denial.p50, bound: TARGETS.p50 },
    { name: 'first refusal in the slowest process, p99', value: denial.p99, bound: TARGETS.p99 },
  ]) {
    report.target(name, { value: figure(value), unit: 'ms', bound: `at most ${bound}`, met: value <= bound });
  }
} finally {
  await Promise.all(processes.map(({ end }) => end()));
  await apiKeys.close();
  redis.disconnect();
  await proxy?.stop();
  await server.stop();
}
report.end();
