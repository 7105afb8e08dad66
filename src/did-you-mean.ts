/**
 * Edit distance: characters changed, added, removed, or swapped with their neighbour. Infinity as soon as it is known to
 * be `limit` or more: most pairs of names differ after a few characters.
 */
function distance(from: string, to: string, limit: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    // A swap reaches back two rows.
    if (Math.min(...row) >= limit && Math.min(...last) >= limit) return Number.POSITIVE_INFINITY;
    beforeLast = last;
    last = row;
  }
  return last[to.length]!;
}

const MAX_LENGTH = 64;
const SHOWN_NAMES = 20;
/** Inputs of one error for which a similar name is looked for. Each is compared with every accepted name. */
export const MAX_SUGGESTIONS = 5;

/** `Did you mean "…"? ` if one of the names is close to the received one, else empty. */
export function didYouMean(given: unknown, names: readonly string[]): string {
  if (typeof given !== 'string' || given === '' || given.length > MAX_LENGTH) return '';
  const wanted = given.toLowerCase();
  let best: string | undefined;
  // A third of the characters can be wrong, at least one.
  let least = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) >= least) continue;
    const cost = distance(wanted, name.toLowerCase(), least);
    if (cost < least) {
      best = name;
      least = cost;
    }
  }
  return best === undefined ? '' : `Did you mean ${JSON.stringify(best)}? `;
}

/** Lists names in a message, at most 20. */
export function listNames(names: readonly string[]): string {
  const more = names.length - SHOWN_NAMES;
  return more > 0 ? `${names.slice(0, SHOWN_NAMES).join(', ')} and ${more} more` : names.join(', ');
}
