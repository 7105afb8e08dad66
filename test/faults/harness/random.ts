/** A seeded pseudo-random number generator (mulberry32). */
export interface Random {
  /** From 0 up to, but not including, 1. */
  (): number;
  between(from: number, to: number): number;
  pick<T>(list: readonly T[]): T;
  chance(share: number): boolean;
  /** `count` different elements of a list. */
  some<T>(list: readonly T[], count: number): T[];
  /** An independent generator, so that one part of a run does not depend on how many numbers another part used. */
  fork(): Random;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const random = next as Random;
  random.between = (from, to) => from + (to - from) * next();
  random.pick = (list) => list[Math.floor(next() * list.length)]!;
  random.chance = (share) => next() < share;
  random.some = (list, count) => {
    const rest = [...list];
    const some: (typeof list)[number][] = [];
    while (some.length < count && rest.length > 0) some.push(...rest.splice(Math.floor(next() * rest.length), 1));
    return some;
  };
  random.fork = () => createRandom(Math.floor(next() * 4294967296));
  return random;
}
