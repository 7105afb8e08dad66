interface Entry<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
}

function matches(name: Uint8Array, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < name.length; i++) {
    if (bytes[from + i] !== name[i]) return false;
  }
  return true;
}

/** Looks member names up as they stand in JSON text, without decoding them. */
export class NameTable<T> {
  readonly #byText: ReadonlyMap<string, T>;
  readonly #byLength = new Map<number, Entry<T>[]>();

  constructor(entries: ReadonlyMap<string, T>) {
    this.#byText = entries;
    for (const [name, value] of entries) {
      const bytes = Buffer.from(name);
      const alike = this.#byLength.get(bytes.length);
      if (alike === undefined) this.#byLength.set(bytes.length, [{ bytes, value }]);
      else alike.push({ bytes, value });
    }
  }

  /**
   * Looks up the name between two quotes.
   *
   * @param escaped - whether there are escapes in it
   */
  find(bytes: Buffer, from: number, to: number, escaped: boolean): T | undefined {
    if (escaped) return this.#byText.get(decodeString(bytes, from, to));
    const alike = this.#byLength.get(to - from);
    if (alike === undefined) return undefined;
    for (let i = 0; i < alike.length; i++) {
      if (matches(alike[i]!.bytes, bytes, from)) return alike[i]!.value;
    }
    return undefined;
  }
}

/** The text of a JSON string, of which the bytes between the quotes are given. They must be valid. */
export function decodeString(bytes: Buffer, from: number, to: number): string {
  return JSON.parse(`"${bytes.toString('utf8', from, to)}"`) as string;
}
