import { KeyscopeError } from '../errors';
import { MISREAD, MISREADS_NAMES } from './member-name-table';
import { isJsonWithName } from './nested-json';
import { type Fields, hasNestedPaths, NESTED_JSON, type PathState } from './path-matcher';
import {
  CLEAR,
  featuresOf,
  MAX_PROJECT_ID,
  type PolicySource,
  RedactionPolicy,
  restricts,
  type Withheld,
} from './policy';

/**
 * A redacted value.
 *
 * `needsText`: something on the paths is not plain data, and only `JSON.stringify` can print it. It (or `Object.prototype`,
 * `Array.prototype`) has a `toJSON`, is a class instance, Map, boxed primitive, function, BigInt, or circular. Stringify the
 * original and filter the text. Otherwise `value` is redacted.
 */
export type RedactedValue =
  | { readonly needsText: true }
  | {
      readonly needsText: false;
      readonly value: unknown;
      readonly withheld: readonly Withheld[];
      /** The policy that it was redacted by; undefined if nothing had to be removed. */
      readonly policy: RedactionPolicy | undefined;
    };

const NEEDS_TEXT: RedactedValue = { needsText: true };
/** Thrown through the walk, never out of it. */
const NOT_PLAIN = Symbol('not plain');
/** Arrays directly in arrays, on a path. Deeper ones are left to the limit of the stream filter (or `JSON.stringify`). */
const MAX_LISTS = 64;

type Plain = Record<string, unknown>;

/** Node 21 and later can hold a number's text in an object (`JSON.rawJSON`), which prints as that text. */
const { isRawJSON } = JSON as { isRawJSON?: (value: unknown) => boolean };

/** Whether a value prints as its own enumerable members, or elements, and nothing else. */
function refuseUnlessPlain(value: object): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) {
    if (isRawJSON?.(value)) throw NOT_PLAIN;
  } else if (prototype !== (Array.isArray(value) ? Array.prototype : Object.prototype)) {
    throw NOT_PLAIN;
  }
  if (typeof (value as Plain).toJSON === 'function') throw NOT_PLAIN;
}

function projectId(value: unknown): string | undefined {
  if (typeof value === 'string') return value.length <= MAX_PROJECT_ID ? value : undefined;
  if (typeof value === 'object' && value !== null) refuseUnlessPlain(value);
  else if (typeof value === 'function' || typeof value === 'bigint') throw NOT_PLAIN;
  return undefined;
}

function clearedValue(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return '';
    case 'object':
      if (value === null) return null;
      refuseUnlessPlain(value);
      return Array.isArray(value) ? [] : {};
    case 'undefined':
    case 'symbol':
      // Neither prints as a member, and both print as null in a list.
      return undefined;
    case 'function':
    case 'bigint':
      throw NOT_PLAIN;
    default:
      return null;
  }
}

function reject(what: string): never {
  throw new KeyscopeError('unredactable_response', `The response cannot be redacted: ${what}.`);
}

function rejectMisreadNames(value: Plain): void {
  for (const name in value) if (name.includes('\\')) reject(MISREAD);
}

/** A copy of an object with only some of its members, in its order. */
function pick(value: Plain, names: ReadonlySet<string>): Plain {
  const copy: Plain = {};
  const present = Object.keys(value);
  // Indexed loops here and below: this runs for every conversation, and an iterator costs a third of it.
  for (let i = 0; i < present.length; i++) {
    const name = present[i]!;
    if (!names.has(name)) continue;
    if (name === '__proto__') {
      Object.defineProperty(copy, name, {
        value: value[name],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    } else {
      copy[name] = value[name];
    }
  }
  return copy;
}

/**
 * Copies along the path, always before reading: only the copy calls an accessor or a Proxy, and calls it once. So the value that is
 * checked is the value that is sent.
 */
class ObjectWalker {
  readonly policy: RedactionPolicy;
  readonly #projectMember: string | null;
  readonly #names: ReadonlySet<string>;

  constructor(fields: Fields, source: PolicySource) {
    this.policy = new RedactionPolicy(fields, source);
    this.#names = fields.names;
    this.#projectMember = featuresOf(source) === undefined ? fields.projectMember : null;
  }

  walk(value: unknown, position: PathState, lists: number): unknown {
    if (Array.isArray(value)) return this.#list(value, position, lists);
    const action = position.matches.length === 0 ? null : this.policy.actionFor(position.matches);
    if (typeof value !== 'object' || value === null) {
      if (action !== null) return clearedValue(value);
      // With a toJSON of its own, either could print as anything.
      if (typeof value === 'function' || typeof value === 'bigint') throw NOT_PLAIN;
      if (typeof value === 'string' && hasNestedPaths(position) && isJsonWithName(value, this.#names))
        reject(NESTED_JSON);
      return value;
    }
    if (action === CLEAR) return clearedValue(value);
    if (action === null && !hasNestedPaths(position)) return value;
    refuseUnlessPlain(value);
    if (action === null) return this.#members(this.#opened({ ...(value as Plain) }, position), position);
    const whole = position.conversation < 0 ? (value as Plain) : this.#opened({ ...(value as Plain) }, position);
    return this.#members(pick(whole, action), position);
  }

  #list(value: readonly unknown[], position: PathState, lists: number): unknown {
    const { arrayMatches, elements } = position;
    if (arrayMatches.length > 0 && this.policy.actionFor(arrayMatches) !== null) return clearedValue(value);
    if (elements === null) return value;
    refuseUnlessPlain(value);
    if (lists === MAX_LISTS) throw NOT_PLAIN;
    const copy: unknown[] = [];
    for (let i = 0; i < value.length; i++) copy.push(this.walk(value[i], elements, lists + 1));
    return copy;
  }

  /** Reads from a copy whose conversation it is, if it is one. */
  #opened(copy: Plain, { conversation }: PathState): Plain {
    if (conversation >= 0 && this.#projectMember !== null) {
      const id = Object.hasOwn(copy, this.#projectMember) ? copy[this.#projectMember] : undefined;
      this.policy.setProject(conversation, projectId(id));
    }
    return copy;
  }

  /** Redacts the members of a copy, in place. */
  #members(copy: Plain, position: PathState): Plain {
    if (typeof copy.toJSON === 'function') throw NOT_PLAIN;
    if (MISREADS_NAMES) rejectMisreadNames(copy);
    const { members, named, others } = position;
    for (let i = 0; i < named.length; i++) {
      const { name, position: inner } = named[i]!;
      if (!Object.hasOwn(copy, name)) continue;
      const value = copy[name];
      if (value !== undefined) copy[name] = this.walk(value, inner, 0);
    }
    if (others !== null) {
      for (const name of Object.keys(copy)) {
        if (!members.has(name)) copy[name] = this.walk(copy[name], others, 0);
      }
    }
    return copy;
  }
}

/**
 * Redacts a value that is about to be printed as JSON. The value itself is never changed. The result shares everything off the
 * paths with it, and is the value itself if nothing has to be removed.
 *
 * @throws KeyscopeError `unredactable_response` if a string on a path is JSON that contains a configured name
 */
export function redactValue(body: unknown, fields: Fields, source: PolicySource): RedactedValue {
  if (!restricts(source)) return { needsText: false, value: body, withheld: [], policy: undefined };
  const walker = new ObjectWalker(fields, source);
  try {
    const value = walker.walk(body, fields.root, 0);
    const { policy } = walker;
    return { needsText: false, value, withheld: policy.withheld, policy };
  } catch (error) {
    if (error === NOT_PLAIN) return NEEDS_TEXT;
    throw error;
  }
}
