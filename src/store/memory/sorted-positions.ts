import { comparePositions } from '../position';

/**
 * A sorted set of index positions: what a Redis sorted set walked BYLEX is to the other store. A sorted array, because
 * moving the tail of 100,000 references takes microseconds, and walking needs nothing but an index.
 */
export class SortedPositions {
  readonly #positions: string[] = [];

  get size(): number {
    return this.#positions.length;
  }

  add(position: string): void {
    const index = this.firstNotBelow(position);
    if (this.#positions[index] !== position) this.#positions.splice(index, 0, position);
  }

  remove(position: string): void {
    const index = this.firstNotBelow(position);
    if (this.#positions[index] === position) this.#positions.splice(index, 1);
  }

  /** The place of the first position that is not below `bound`; `size` where there is none. */
  firstNotBelow(bound: string): number {
    let low = 0;
    let high = this.#positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePositions(this.#positions[middle]!, bound) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Walks on from `bound` (from the end of the set that `order` begins with where it is null). */
  *walk(order: 'asc' | 'desc', bound: string | null): Generator<string, void, void> {
    if (order === 'asc') {
      for (let i = bound === null ? 0 : this.firstNotBelow(bound); i < this.size; i++) yield this.#positions[i]!;
    } else {
      for (let i = (bound === null ? this.size : this.firstNotBelow(bound)) - 1; i >= 0; i--) yield this.#positions[i]!;
    }
  }
}
