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

/** One of 32 bits for a name, by its length and its first byte (for an empty one: the quote that ends it). */
export function nameBit(length: number, first: number): number {
  return 1 << ((length + first) & 31);
}

const QUOTE = 0x22;

/**
 * Whether this V8 can misread an escaped member name: Node 24 and 26 read `"t\u0075rns"` as `t\u00`, its first five characters, once a
 * member with that name has been parsed (nodejs/node#63785). The wrong name always has a backslash. A handler may have parsed what it sends.
 */
export const MISREADS_NAMES = ((): boolean => {
  JSON.parse('{"keyscope":0,"n\\\\u0":1}');
  return !Object.hasOwn(JSON.parse('{"keyscope":0,"n\\u0061me":1}') as object, 'name');
})();

/** Error of a member name that this V8 may have misread. */
export const MISREAD = 'a member name has a backslash, and this Node may have misread it';

/** Looks up member names in the form that JSON text has, without decoding them. */
export class NameTable<T> {
  /** The bits of all names in it: a name without escapes whose bit is not among them is not in it. */
  readonly mask: number;
  readonly #byText: ReadonlyMap<string, T>;
  readonly #byLength = new Map<number, Entry<T>[]>();

  constructor(entries: ReadonlyMap<string, T>) {
    this.#byText = entries;
    let mask = 0;
    for (const [name, value] of entries) {
      const bytes = Buffer.from(name);
      mask |= nameBit(bytes.length, bytes[0] ?? QUOTE);
      const alike = this.#byLength.get(bytes.length);
      if (alike === undefined) this.#byLength.set(bytes.length, [{ bytes, value }]);
      else alike.push({ bytes, value });
    }
    this.mask = mask;
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

const tables = new WeakMap<ReadonlySet<string>, NameTable<true>>();

/** The table of a set of names, made once. */
export function tableOf(names: ReadonlySet<string>): NameTable<true> {
  let table = tables.get(names);
  if (table === undefined) {
    table = new NameTable(new Map([...names].map((name) => [name, true])));
    tables.set(names, table);
  }
  return table;
}

/** Decodes a JSON string, given the bytes between its quotes. They must be valid. */
export function decodeString(bytes: Buffer, from: number, to: number): string {
  return JSON.parse(`"${bytes.toString('utf8', from, to)}"`) as string;
}

/** Whether this V8 may have misread the name between two quotes. */
export function mayMisread(bytes: Buffer, from: number, to: number): boolean {
  return MISREADS_NAMES && decodeString(bytes, from, to).includes('\\');
}
