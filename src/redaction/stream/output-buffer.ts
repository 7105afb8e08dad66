const NULL = Buffer.from('null');
/** Replacements of cleared values, by the first byte of what it was. */
const EMPTY_FORMS: Readonly<Record<number, Buffer>> = {
  34: Buffer.from('""'),
  91: Buffer.from('[]'),
  123: Buffer.from('{}'),
};

function emptyForm(first: number): Buffer {
  return EMPTY_FORMS[first] ?? NULL;
}

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

/** The output for one piece of a body after the other: runs of its bytes, and replacements between them. */
export class OutputBuffer {
  /** The start of the run that is kept; NONE: bytes are dropped. */
  #run = 0;
  /** Pairs: from and to, or NONE and the first byte of a value that was replaced. */
  #parts: number[] = [];
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

  /** Drops bytes from here on, at the start of a value, and puts an empty value of its type in its place. */
  replace(first: number, at: number): void {
    this.pause(at);
    this.#parts.push(NONE, first);
    this.#size += emptyForm(first).length;
  }

  /**
   * Returns the output for the bytes up to `end`. The bytes behind come again, counted from 0.
   *
   * @param lasting - whether the bytes stay unchanged, so that a view of them can be returned
   */
  flush(bytes: Buffer, end: number, lasting: boolean): Buffer | null {
    if (this.#run !== NONE) {
      this.#keep(this.#run, end);
      this.#run = 0;
    }
    if (this.#size === 0) return null;
    const left = this.#assemble(bytes, lasting);
    this.#clear();
    return left;
  }

  #keep(from: number, to: number): void {
    if (to <= from) return;
    this.#parts.push(from, to);
    this.#size += to - from;
  }

  #assemble(bytes: Buffer, lasting: boolean): Buffer {
    const parts = this.#parts;
    if (lasting && parts.length === 2 && parts[0] !== NONE) {
      return this.#size === bytes.length ? bytes : bytes.subarray(parts[0], parts[1]);
    }
    const whole = Buffer.allocUnsafe(this.#size);
    let at = 0;
    for (let i = 0; i < parts.length; i += 2) {
      const from = parts[i]!;
      const to = parts[i + 1]!;
      if (from !== NONE) {
        at = copy(bytes, from, to, whole, at);
      } else {
        const form = emptyForm(to);
        at = copy(form, 0, form.length, whole, at);
      }
    }
    return whole;
  }

  #clear(): void {
    if (this.#size === 0) return;
    this.#parts.length = 0;
    this.#size = 0;
  }
}
