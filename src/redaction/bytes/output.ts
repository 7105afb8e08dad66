/** What an emptied value is replaced with, by the first byte of what it was (JSON types with a form for "empty"). */
const EMPTIED = new Map([
  [0x5b, Buffer.from('[]')],
  [0x7b, Buffer.from('{}')],
  [0x22, Buffer.from('""')],
]);
const NULL = Buffer.from('null');

/** Shorter runs are copied byte by byte: a view of them costs more than they do. */
const SHORT = 48;

/** What leaves of one piece of a body: runs of its bytes, and replacements between them. */
export class Output {
  /** Pairs: from and to, or -1 and an index into `#inserted`. */
  #parts: number[] = [];
  #inserted: Uint8Array[] = [];
  #size = 0;

  clear(): void {
    if (this.#parts.length > 0) this.#parts = [];
    if (this.#inserted.length > 0) this.#inserted = [];
    this.#size = 0;
  }

  /** Lets a run leave. */
  keep(from: number, to: number): void {
    if (to <= from) return;
    this.#size += to - from;
    const last = this.#parts.length - 1;
    if (last > 0 && this.#parts[last - 1] !== -1 && this.#parts[last] === from) this.#parts[last] = to;
    else this.#parts.push(from, to);
  }

  /** Puts an empty value in place of one that began with this byte. */
  empty(first: number): void {
    const empty = EMPTIED.get(first) ?? NULL;
    this.#parts.push(-1, this.#inserted.length);
    this.#inserted.push(empty);
    this.#size += empty.length;
  }

  /**
   * All that was kept.
   *
   * @param lasting - whether the bytes stay as they are, so that a view of them will do
   */
  take(bytes: Buffer, lasting: boolean): Buffer | null {
    const parts = this.#parts;
    if (this.#size === 0) return null;
    if (lasting && parts.length === 2 && parts[0] !== -1) {
      const [from, to] = parts as [number, number];
      return to - from === bytes.length ? bytes : bytes.subarray(from, to);
    }
    const whole = Buffer.allocUnsafe(this.#size);
    let at = 0;
    for (let i = 0; i < parts.length; i += 2) {
      const from = parts[i]!;
      const to = parts[i + 1]!;
      if (from === -1) {
        at = copy(this.#inserted[to]!, 0, this.#inserted[to]!.length, whole, at);
      } else {
        at = copy(bytes, from, to, whole, at);
      }
    }
    return whole;
  }
}

function copy(source: Uint8Array, from: number, to: number, target: Buffer, at: number): number {
  if (to - from > SHORT) {
    target.set(source.subarray(from, to), at);
  } else {
    for (let i = from; i < to; i++) target[at + i - from] = source[i]!;
  }
  return at + to - from;
}
