// Breaks things at random for as long as it is told to: `npm run test:faults -- --minutes 10 --seed 7`. Says what it did
// as it goes, and ends with status 1 where a promise was broken. The same seed breaks the same things in the same order;
// what happens meanwhile is up to the machine.
import { parseArgs } from 'node:util';
import { now } from './harness/clock';
import { createRandom, type Random } from './harness/random';
import { faultsOf, type Report, summarize } from './harness/report';
import { type RoundOptions, runRound } from './harness/trial';
import { EPISODES, type Episode } from './scenarios/episodes';

/** What is remembered of a round to the end. */
type Line = Pick<Report, 'name' | 'worstLag' | 'slowest' | 'requests'> & {
  readonly changes: number;
  readonly failed: boolean;
};

const NAMES = EPISODES.map(({ name }) => `'${name}'`).join(', ');
const USAGE = `Usage: npm run test:faults -- [--minutes 10] [--seed 7] [--only EPISODE], one of ${NAMES}.`;

function readArguments(): { minutes: number; seed: number; only: string | undefined } {
  const { values } = parseArgs({
    options: { minutes: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
  });
  const minutes = Number(values.minutes ?? 1);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  if (!(minutes > 0) || !Number.isInteger(seed)) {
    throw new Error(USAGE);
  }
  return { minutes, seed, only: values.only };
}

function pickEpisode(random: Random, only: string | undefined): Episode {
  const candidates = EPISODES.filter(({ name }) => only === undefined || name === only);
  if (candidates.length === 0) throw new Error(`There is no episode '${only}'. ${USAGE}`);
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.between(0, total);
  for (const episode of candidates) {
    left -= episode.weight;
    if (left < 0) return episode;
  }
  return candidates[0]!;
}

async function runEpisode(episode: Episode, random: Random, until: number, lines: Line[]): Promise<void> {
  const stage = await episode.start(random.fork());
  try {
    const rounds = Math.floor(random.between(episode.rounds.from, episode.rounds.to + 1));
    for (let i = 0; i < rounds && now() < until; i++) {
      const options: RoundOptions = { ...stage.plan(random), random: random.fork() };
      const report = await runRound(stage.fleet, options);
      console.log(summarize(report));
      const { name, worstLag, slowest, requests, deeds } = report;
      const failed = faultsOf(report).length > 0;
      lines.push({ name, worstLag, slowest, requests, failed, changes: deeds.acknowledged });
      await stage.recover();
    }
  } finally {
    await stage.close();
  }
}

function total(lines: readonly Line[]): string {
  const sum = (read: (line: Line) => number) => lines.reduce((all, line) => all + read(line), 0);
  const worst = lines.reduce((a, b) => (b.worstLag > a.worstLag ? b : a));
  const slowest = lines.reduce((a, b) => (b.slowest > a.slowest ? b : a));
  return [
    `${lines.length} rounds, ${sum(({ requests }) => requests)} requests, ${sum(({ changes }) => changes)} changes acknowledged`,
    `worst lag ${worst.worstLag.toFixed(0)} ms (${worst.name})`,
    `slowest answer ${slowest.slowest.toFixed(0)} ms (${slowest.name})`,
    `${lines.filter(({ failed }) => failed).length} rounds in which the promise was broken`,
  ].join('\n');
}

async function main(): Promise<void> {
  const { minutes, seed, only } = readArguments();
  const random = createRandom(seed);
  const until = now() + minutes * 60_000;
  const lines: Line[] = [];
  console.log(`seed ${seed}, ${minutes} minutes`);
  while (now() < until) {
    const episode = pickEpisode(random, only);
    console.log(`\n# ${episode.name}`);
    await runEpisode(episode, random, until, lines);
  }
  console.log(`\nseed ${seed}: ${total(lines)}`);
  process.exitCode = lines.some(({ failed }) => failed) ? 1 : 0;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
