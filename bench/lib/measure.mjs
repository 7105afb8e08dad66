import { median, quantile } from './statistics.mjs';

/** A small seeded generator (mulberry32), so that a run's order can be repeated. */
export function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function shuffle(list, random) {
  const copy = [...list];
  for (let index = copy.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [copy[index], copy[other]] = [copy[other], copy[index]];
  }
  return copy;
}

/** CPU microseconds, user and system, that this process has used: threads of its own included. */
function ownCpu() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * CPU microseconds of this process, or of another if `cpu` reads its time. Batches are small, so that the
 * input of a middleware is in the processor's caches, as just after parsing.
 */
async function sample({ requests, batchSize, prepare, cpu = ownCpu }) {
  let spent = 0;
  for (let done = 0; done < requests; done += batchSize) {
    const work = await prepare(batchSize);
    // Garbage of the preparation does not count.
    globalThis.gc?.({ type: 'minor' });
    const start = await cpu();
    await work();
    spent += (await cpu()) - start;
  }
  return spent / requests;
}

/**
 * Takes one sample of every variant per round, in a new random order each round, so that load on the machine affects
 * all variants. `prepare` is not measured; its result is, batch by batch, up to `requests`. Ratios and differences are
 * taken within a round, to the variant that a variant names as its `baseline`. Returns medians over the rounds, by
 * variant.
 */
export async function measure(variants, { rounds, warmup = 3, seed = 1, onRound = () => {} }) {
  const random = createRandom(seed);
  const samples = new Map(variants.map(({ name }) => [name, []]));
  for (let round = -warmup; round < rounds; round++) {
    for (const variant of shuffle(variants, random)) {
      const cost = await sample(variant);
      if (round >= 0) samples.get(variant.name).push(cost);
    }
    onRound(round + 1, rounds);
  }
  return variants.map(({ name, baseline = name }) => {
    const own = samples.get(name);
    const base = samples.get(baseline);
    return {
      name,
      baseline,
      cpuMicros: median(own),
      p10: quantile(own, 0.1),
      p90: quantile(own, 0.9),
      overBaseline: median(own.map((cost, round) => cost - base[round])),
      ratio: median(own.map((cost, round) => cost / base[round])),
      rounds,
    };
  });
}
