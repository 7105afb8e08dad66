import fc from 'fast-check';
import type { Features } from '../../src/features';
import { MISREADS_NAMES } from '../../src/redaction/member-name-table';
import { type RedactOptions, type ResolvedRedactOptions, resolveRedactOptions } from '../../src/redaction/options';
import { unicodeText } from '../support/unicode-text';

/** How many times as many cases as in an ordinary run. */
const FUZZ_FACTOR = Number(process.env.KEYSCOPE_FUZZ_FACTOR ?? '1');

export function runs(count: number): { numRuns: number } {
  return { numRuns: Math.ceil(count * FUZZ_FACTOR) };
}

/** Names that options, features and documents draw from, so that they meet; some of them look alike. */
const FIELD_NAMES = ['turns', 'metrics', 'legs', 'a', 'conversations', '__proto__', 'na.me', 'größe'];
const METRIC_NAMES = ['A', 'B', 'C', '__proto__', 'turns', '0', 'größe'];
const OTHER_NAMES = [
  'Turns',
  'turn',
  'turnss',
  'METRICS',
  'project_id',
  'toJSON',
  'constructor',
  '',
  '\u0000',
  '😀',
  '"',
  // Rejected on some versions of Node, because it may have been misread.
  ...(MISREADS_NAMES ? [] : ['\\']),
];
export const PROJECTS = ['P1', 'P2', 'P3'];

const names = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...FIELD_NAMES) },
  { weight: 3, arbitrary: fc.constantFrom(...METRIC_NAMES) },
  { weight: 2, arbitrary: fc.constantFrom(...OTHER_NAMES) },
);

/** A character of a string in JSON, in one of the ways in which it can be spelt. */
function spelt(character: string, way: number): string {
  const plain = JSON.stringify(character).slice(1, -1);
  if (way === 0) return plain;
  const escaped = Array.from({ length: character.length }, (_, i) => {
    const hex = character.charCodeAt(i).toString(16).padStart(4, '0');
    return `\\u${way === 1 ? hex : hex.toUpperCase()}`;
  });
  return escaped.join('');
}

const spelling = fc.oneof(
  { weight: 4, arbitrary: fc.constant([0]) },
  { weight: 1, arbitrary: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }) },
);

function quoted(text: string, ways: readonly number[]): string {
  return `"${[...text].map((character, i) => spelt(character, ways[i % ways.length]!)).join('')}"`;
}

const space = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' ', '\n', '\t', '\r\n', '  \n  ') },
);

/** Strings that are JSON with a configured name are rejected in place of an object, and have their own tests. */
const JSON_TEXT = /^[ \t\r\n]*["[{]/;

const scalarText = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    'false',
    '0',
    '-0',
    '1.0',
    '12345678901234567890',
    '-1.5e+300',
    '1E2',
    '0.10',
    '""',
    '"P1"',
    '"P2"',
  ),
  fc
    .tuple(unicodeText({ maxLength: 6 }), spelling)
    .map(([text, ways]) => quoted(JSON_TEXT.test(text) ? `x${text}` : text, ways)),
  fc.constantFrom('"\\ud800"', '"\\udc00x"', '"\\n\\t\\/\\b"', '"]}{["', '"\\\\"', '"x\\""'),
);

const named = fc.tuple(names, spelling).map(([name, ways]) => ({ name, text: quoted(name, ways) }));

function joined(open: string, parts: readonly string[], close: string, spaces: readonly string[]): string {
  let next = 0;
  const gap = () => spaces[next++ % spaces.length]!;
  return `${open}${gap()}${parts.map((part) => `${part}${gap()}`).join(`,${gap()}`)}${close}`;
}

const spaces = fc.array(space, { minLength: 1, maxLength: 5 });

function textOf(duplicates: boolean): fc.Arbitrary<string> {
  return fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
    value: fc.oneof({ depthSize: 'small', maxDepth: 6, withCrossShrink: true }, scalarText, tie('list'), {
      weight: 3,
      arbitrary: tie('object'),
    }),
    list: fc
      .tuple(fc.array(tie('value'), { maxLength: 3 }), spaces)
      .map(([items, gaps]) => joined('[', items, ']', gaps)),
    object: fc
      .tuple(
        duplicates
          ? fc.array(fc.tuple(named, tie('value')), { maxLength: 5 })
          : fc.uniqueArray(fc.tuple(named, tie('value')), { maxLength: 5, selector: ([{ name }]) => name }),
        spaces,
      )
      .map(([members, gaps]) =>
        joined(
          '{',
          members.map(
            ([{ text }, value], i) => `${text}${gaps[i % gaps.length]}:${gaps[(i + 1) % gaps.length]}${value}`,
          ),
          '}',
          gaps,
        ),
      ),
  })).value;
}

/** JSON texts in which names meet the options below: escaped, repeated, spaced out. */
export const jsonText = textOf(true);
/** The same, with no member twice in one object. */
export const jsonTextWithoutDuplicates = textOf(false);

const pathName = (name: string) => (/^\w+$/.test(name) ? name : `[${JSON.stringify(name)}]`);

function path(first: boolean): fc.Arbitrary<string> {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...FIELD_NAMES) },
    { weight: 1, arbitrary: fc.constant(null) },
  );
  return fc.tuple(fc.constantFrom(...FIELD_NAMES), fc.array(step, { maxLength: 2 })).map(([name, rest]) =>
    [first ? name : null, ...rest].reduce<string>((text, part, i) => {
      if (i === 0) return part === null ? '$' : pathName(part);
      if (part === null) return `${text}[*]`;
      return `${text}${pathName(part).startsWith('[') ? '' : '.'}${pathName(part)}`;
    }, ''),
  );
}

const fieldPaths = fc.array(path(true), { minLength: 1, maxLength: 2 });
const conversationPaths = fc.array(fc.oneof(path(true), path(false), fc.constant('[*]')), {
  minLength: 1,
  maxLength: 3,
});

/** Options as given and as resolved. */
export interface Options {
  readonly given: RedactOptions;
  readonly resolved: ResolvedRedactOptions;
  readonly [fc.toStringMethod]: () => string;
}

function consistent(given: RedactOptions): Options | null {
  try {
    // A counterexample shows only the input.
    return { given, resolved: resolveRedactOptions(given), [fc.toStringMethod]: () => JSON.stringify(given) };
  } catch {
    return null;
  }
}

const consistentOptions: fc.Arbitrary<Options> = fc
  .record(
    {
      conversations: conversationPaths,
      transcript: fieldPaths,
      metrics: fieldPaths,
      metricAliases: fc.constantFrom<Record<string, string | string[]>>({}, { A: 'a' }, { B: ['legs', 'größe'] }),
    },
    { requiredKeys: [] },
  )
  .map(consistent)
  .filter((options) => options !== null);

/**
 * Options of every kind that do not contradict themselves. Drawn once from a seed, because resolving them would take
 * most of the time; a longer run draws more of them.
 */
export const anyOptions = fc.constantFrom(
  ...fc.sample(consistentOptions, { seed: 20260801, numRuns: Math.ceil(500 * FUZZ_FACTOR) }),
);

export const anyFeatures: fc.Arbitrary<Features> = fc.record({
  transcript: fc.boolean(),
  metrics: fc.oneof(
    { weight: 1, arbitrary: fc.constant('all' as const) },
    { weight: 3, arbitrary: fc.uniqueArray(fc.constantFrom(...METRIC_NAMES), { maxLength: 4 }) },
  ),
});

/** Lengths of the pieces of a text, used in turn. */
export const pieceLengths = fc.oneof<fc.Arbitrary<number[]>[]>(
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
);

export function pieces(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const cut: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const next = at + lengths[i % lengths.length]!;
    // A copy, so that a kept view of a piece is noticed if the piece is reused.
    cut.push(Uint8Array.from(bytes.subarray(at, next)));
    at = next;
  }
  return cut;
}
