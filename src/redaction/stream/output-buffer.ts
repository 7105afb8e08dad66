const NULL = Buffer.from('null');
/** What an emptied value is replaced with, by the first byte of what it was. */
const EMPTY_FORMS: Readonly<Record<number, Buffer>> = {
  34: Buffer.from('""'),
  91: Buffer.from('[]'),
  123: Buffer.from('{}'),
};

/** Shorter runs are copied byte by byte: a view of them costs more than they do. */
const SHORT = 48;

const NONE = -1;

function copy(source: Uint8Array, from: number, to: number, target: Buffer, at: number): number {
  if (to - from > SHORT) {
    target.set(source.subarray(from, to), at);
  } else {
    for (let i = from; i < to; i++) target[at + i - from] = source[i]!;
  }
  return at + to - from;
}

/** What leaves of one piece of a body after the other: runs of its bytes, and replacements between them. */
export class OutputBuffer {
  /** Since where everything leaves; NONE: nothing does. */
  #run = 0;
  /** Pairs: from and to, or NONE and an index into `#replacements`. */
  #parts: number[] = [];
  #replacements: Uint8Array[] = [];
  #size = 0;

  reset(): void {
    this.#run = 0;
    this.#clear();
  }

  /** Whether what comes leaves. */
  get open(): boolean {
    return this.#run !== NONE;
  }

  /** Nothing leaves from here on. */
  pause(at: number): void {
    if (this.#run !== NONE) this.#keep(this.#run, at);
    this.#run = NONE;
  }

  /** Everything leaves from here on. */
  resume(at: number): void {
    this.#run = at;
  }

  /** Nothing leaves from here on, where a value begins, and an empty one of its type stands in for it. */
  replace(first: number, at: number): void {
    this.pause(at);
    const form = EMPTY_FORMS[first] ?? NULL;
    this.#parts.push(NONE, this.#replacements.length);
    this.#replacements.push(form);
    this.#size += form.length;
  }

  /**
   * What leaves of the bytes up to `end`. Those behind are to come again, counted from 0.
   *
   * @param lasting - whether the bytes stay as they are, so that a view of them will do
   * @param owned - whether they may be changed instead, being nobody else's
   */
  flush(bytes: Buffer, end: number, lasting: boolean, owned: boolean): Buffer | null {
    if (this.#run !== NONE) {
      this.#keep(this.#run, end);
      this.#run = 0;
    }
    if (this.#size === 0) return null;
    const left = this.#assemble(bytes, end, lasting, owned);
    this.#clear();
    return left;
  }

  #keep(from: number, to: number): void {
    if (to <= from) return;
    this.#parts.push(from, to);
    this.#size += to - from;
  }

  #assemble(bytes: Buffer, end: number, lasting: boolean, owned: boolean): Buffer {
    const parts = this.#parts;
    if (lasting && parts.length === 2 && parts[0] !== NONE) {
      return this.#size === bytes.length ? bytes : bytes.subarray(parts[0], parts[1]);
    }
    // A new buffer of a megabyte costs more than what is copied into it.
    const whole = owned && this.#fitsInPlace(end) ? bytes.subarray(0, this.#size) : Buffer.allocUnsafe(this.#size);
    let at = 0;
    for (let i = 0; i < parts.length; i += 2) {
      const from = parts[i]!;
      const to = parts[i + 1]!;
      if (from !== NONE) {
        at = copy(bytes, from, to, whole, at);
      } else {
        const form = this.#replacements[to]!;
        at = copy(form, 0, form.length, whole, at);
      }
    }
    return whole;
  }

  /** Whether, moved to the front one after the other, no part gets ahead of where it was. */
  #fitsInPlace(end: number): boolean {
    const parts = this.#parts;
    let at = 0;
    for (let i = 0; i < parts.length; i += 2) {
      const from = parts[i]!;
      const to = parts[i + 1]!;
      if (from === NONE) at += this.#replacements[to]!.length;
      else if (at > from) return false;
      else at += to - from;
    }
    return at <= end;
  }

  #clear(): void {
    if (this.#size === 0) return;
    this.#parts.length = 0;
    this.#replacements.length = 0;
    this.#size = 0;
  }
}
