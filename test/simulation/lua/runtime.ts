/** A value of Lua. `nil` is undefined. */
export type LuaValue = undefined | boolean | number | string | LuaTable | LuaFunction;
export type LuaFunction = (...args: LuaValue[]) => LuaValue[];

/** An error that a script raised; its value is what `pcall` gives. */
export class LuaError extends Error {
  constructor(readonly value: LuaValue) {
    super(value instanceof LuaTable ? String(value.get('err')) : String(value));
  }
}

export class LuaTable {
  readonly entries = new Map<LuaValue, LuaValue>();

  static fromArray(items: readonly LuaValue[]): LuaTable {
    const table = new LuaTable();
    items.forEach((item, i) => {
      table.set(i + 1, item);
    });
    return table;
  }

  get(key: LuaValue): LuaValue {
    return this.entries.get(key);
  }

  set(key: LuaValue, value: LuaValue): void {
    if (key === undefined) throw new LuaError('table index is nil');
    if (value === undefined) this.entries.delete(key);
    else this.entries.set(key, value);
  }

  /** A border: items 1 to n are not nil. */
  get length(): number {
    let n = this.entries.size;
    while (n > 0 && !this.entries.has(n)) n -= 1;
    if (n === this.entries.size) while (this.entries.has(n + 1)) n += 1;
    return n;
  }

  toArray(): LuaValue[] {
    const items: LuaValue[] = [];
    for (let i = 1; this.entries.has(i); i++) items.push(this.entries.get(i));
    return items;
  }
}

export function typeOf(value: LuaValue): string {
  if (value === undefined) return 'nil';
  return value instanceof LuaTable ? 'table' : typeof value;
}

/** A number as Lua 5.1 prints it: `%.14g`. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e14) return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const text = value.toPrecision(14);
  if (!/e/.test(text)) return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  const [digits = '', exponent = ''] = text.split('e');
  const shown = digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
  return `${shown}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

export function toNumber(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

export function toText(value: LuaValue): string {
  if (value === undefined) return 'nil';
  return typeof value === 'number' ? formatNumber(value) : String(value);
}

function number(value: LuaValue): number {
  const found = toNumber(value);
  if (found === undefined) throw new LuaError(`attempt to perform arithmetic on a ${typeOf(value)} value`);
  return found;
}

function compare(a: LuaValue, b: LuaValue, test: (a: number | string, b: number | string) => boolean): boolean {
  if (typeof a !== typeof b || (typeof a !== 'number' && typeof a !== 'string'))
    throw new LuaError(`attempt to compare ${typeOf(a)} with ${typeOf(b)}`);
  return test(a, b as typeof a);
}

let stringLibrary: LuaTable | null = null;

/** The table of string methods. */
export function setStringLibrary(library: LuaTable): void {
  stringLibrary = library;
}

function index(base: LuaValue, key: LuaValue): LuaValue {
  if (base instanceof LuaTable) return base.get(key);
  throw new LuaError(`attempt to index a ${typeOf(base)} value`);
}

function call(callee: LuaValue, args: LuaValue[]): LuaValue[] {
  if (typeof callee !== 'function') throw new LuaError(`attempt to call a ${typeOf(callee)} value`);
  return callee(...args);
}

const truthy = (value: LuaValue): boolean => value !== undefined && value !== false;

/** Functions that translated scripts call. */
export const runtime = {
  number,
  index,
  call,
  truthy,
  and: (left: LuaValue, right: () => LuaValue) => (truthy(left) ? right() : left),
  or: (left: LuaValue, right: () => LuaValue) => (truthy(left) ? left : right()),
  add: (a: LuaValue, b: LuaValue) => number(a) + number(b),
  sub: (a: LuaValue, b: LuaValue) => number(a) - number(b),
  mul: (a: LuaValue, b: LuaValue) => number(a) * number(b),
  div: (a: LuaValue, b: LuaValue) => number(a) / number(b),
  mod: (a: LuaValue, b: LuaValue) => number(a) - Math.floor(number(a) / number(b)) * number(b),
  pow: (a: LuaValue, b: LuaValue) => number(a) ** number(b),
  lt: (a: LuaValue, b: LuaValue) => compare(a, b, (x, y) => x < y),
  le: (a: LuaValue, b: LuaValue) => compare(a, b, (x, y) => x <= y),
  concat(a: LuaValue, b: LuaValue): string {
    for (const value of [a, b])
      if (typeof value !== 'string' && typeof value !== 'number')
        throw new LuaError(`attempt to concatenate a ${typeOf(value)} value`);
    return toText(a) + toText(b);
  },
  length(value: LuaValue): number {
    if (typeof value === 'string') return value.length;
    if (value instanceof LuaTable) return value.length;
    throw new LuaError(`attempt to get length of a ${typeOf(value)} value`);
  },
  setIndex(base: LuaValue, key: LuaValue, value: LuaValue): void {
    if (!(base instanceof LuaTable)) throw new LuaError(`attempt to index a ${typeOf(base)} value`);
    base.set(key, value);
  },
  method(base: LuaValue, name: string, args: LuaValue[]): LuaValue[] {
    const found = typeof base === 'string' ? stringLibrary?.get(name) : index(base, name);
    return call(found, [base, ...args]);
  },
  table(items: LuaValue[], members: [LuaValue, LuaValue][]): LuaTable {
    const table = LuaTable.fromArray(items);
    for (const [key, value] of members) table.set(key, value);
    return table;
  },
  *iterate([step, state, first]: LuaValue[]): Generator<LuaValue[]> {
    let control = first;
    for (;;) {
      const values = call(step, [state, control]);
      if (values[0] === undefined) return;
      control = values[0];
      yield values;
    }
  },
};
