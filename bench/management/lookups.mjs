import { median, quantile } from '../lib/statistics.mjs';

const ROUNDS = 21;
const PER_ROUND = 400;

/** A process with an empty cache verifies keys one after another. Microseconds each. */
async function round({ redis, tokens }, open, number) {
  const apiKeys = open(redis);
  await apiKeys.ready();
  globalThis.gc?.();
  const took = [];
  for (let index = 0; index < PER_ROUND; index++) {
    const token = tokens[(number * PER_ROUND + index) % tokens.length];
    const start = performance.now();
    const verified = await apiKeys.verify(token, { agentId: false });
    took.push((performance.now() - start) * 1000);
    if (!verified.ok) throw verified.error;
  }
  await apiKeys.close();
  return took;
}

/** The same beside a store with few keys; by turns, and compared round by round. */
export async function coldLookups({ many, few }, open) {
  const all = { many: [], few: [] };
  const ratios = [];
  for (let number = 0; number < ROUNDS; number++) {
    const order = number % 2 === 0 ? ['many', 'few'] : ['few', 'many'];
    const medians = {};
    for (const which of order) {
      const took = await round(which === 'many' ? many : few, open, number);
      all[which].push(...took);
      medians[which] = median(took);
    }
    ratios.push(medians.many / medians.few);
  }
  const row = (name, took) => ({ name, p50: median(took), p99: quantile(took, 0.99) });
  return { rows: [row('among many', all.many), row('among few', all.few)], ratio: median(ratios) };
}
