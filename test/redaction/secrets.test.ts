import fc from 'fast-check';
import { redactValue } from '../../src/redaction/object-redactor';
import { resolveRedactOptions } from '../../src/redaction/options';
import type { PolicySource } from '../../src/redaction/policy';
import { pieceLengths, runs } from './fixtures';
import { filterInPieces, filterWhole } from './helpers';

// Bodies in which every string that must not be sent is marked, built as an attacker would.

const SECRET = 'do-not-let-out';
const PUBLIC = 'may-leave';

/** Spells a name in one of the ways in which JSON allows to: each character plain, or escaped in small or capital digits. */
function spell(name: string, ways: readonly number[]): string {
  const characters = [...name].map((character, i) => {
    const hex = character.charCodeAt(0).toString(16).padStart(4, '0');
    const way = ways[i % ways.length]!;
    if (way === 0) return character;
    return `\\u${way === 1 ? hex : hex.toUpperCase()}`;
  });
  return `"${characters.join('')}"`;
}

const ways = fc.oneof(fc.constant([0]), fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }));
const gap = fc.constantFrom('', '', '', ' ', '\n\t', '\r\n  ');

/** Members in any order, any of them more than once, with white space anywhere. */
function object(...members: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  const all = fc.array(fc.oneof(...members), { minLength: 1, maxLength: 4 });
  return fc
    .tuple(all, gap, gap)
    .map(([list, before, after]) => `{${before}${list.join(`${after},${before}`)}${after}}`);
}

function member(name: string | fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const names = typeof name === 'string' ? fc.constant(name) : name;
  return fc.tuple(names, ways, gap, gap, value).map(([text, how, a, b, v]) => `${spell(text, how)}${a}:${b}${v}`);
}

const list = (...items: fc.Arbitrary<string>[]) =>
  fc
    .tuple(fc.array(fc.oneof(...items), { maxLength: 2 }), gap)
    .map(([all, space]) => `[${space}${all.join(`,${space}`)}]`);

/** `before` keeps public strings from being JSON, which is rejected in place of a conversation. */
const text = (words: string, before = '') =>
  fc.constantFrom(
    `"${words}"`,
    `"${before}\\"${words}\\\\"`,
    `"${words}\\u0022}]"`,
    `"${before}{\\"turns\\":${words}}"`,
    `"é😀${words}"`,
  );
const open = fc.oneof(text(PUBLIC, 'x'), fc.constantFrom('1', 'null', 'true', '-0.5e3', '[]', '{}'));

/** Values of a redacted member: anything, also values that look like conversations. */
const secret: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 2 },
    text(SECRET),
    list(tie('value')),
    object(member(fc.constantFrom('turns', 'metrics', 'project_id', 'A', 'x', '__proto__', SECRET), tie('value'))),
  ),
})).value;

/** Names that are not those withheld, though they look like it. */
const innocent = fc.constantFrom(
  'Turns',
  'turns ',
  'turn',
  'TURNS',
  'metric',
  'x',
  '__proto__',
  'turns\u200b',
  'num_turns',
  'a.turns',
  '',
);
const openMetric = fc.constantFrom('A', 'B', '__proto__');
const closedMetric = fc.constantFrom('C', 'a', 'A ', 'AA', 'turns', 'constructor', 'metrics', '');

const metrics = fc.oneof(object(member(openMetric, open), member(closedMetric, secret)), list(secret), text(SECRET));

const conversation = object(
  member('turns', secret),
  member('metrics', metrics),
  member('c_again', secret),
  member(innocent, open),
  member('a', object(member('b', list(object(member('c', secret), member(innocent, open)))), member(innocent, open))),
);

const body = fc.oneof(
  conversation,
  list(conversation, list(conversation)),
  object(
    member('conversations', fc.oneof(list(conversation, list(conversation)), conversation)),
    // As an array, or by id.
    member('conversations', object(member(fc.constantFrom('CA1', '__proto__', 'x'), conversation))),
    member('turns', secret),
    member(innocent, open),
  ),
);

const { fields, limits } = resolveRedactOptions({
  transcript: ['turns', 'a.b[*].c'],
  metricAliases: { C: 'c_again' },
});
const features = { transcript: false, metrics: ['A', 'B', '__proto__'] };

function count(where: string, what: string): number {
  return where.split(what).length - 1;
}

test('nothing disabled leaves as bytes, and nothing else stays behind, however it is spelt, placed, repeated and cut', () => {
  fc.assert(
    fc.property(body, pieceLengths, (sent, lengths) => {
      const left = filterInPieces(Buffer.from(sent), lengths, fields, { features }, limits).toString();
      if (count(left, SECRET) > 0 || count(left, PUBLIC) !== count(sent.replaceAll(SECRET, ''), PUBLIC)) {
        expect(left).toBe(sent);
      }
    }),
    runs(6_000),
  );
});

test('nothing disabled leaves as an object', () => {
  fc.assert(
    fc.property(body, (sent) => {
      const result = redactValue(JSON.parse(sent), fields, { features });
      if (result.needsText) throw new Error('plain data must not need text');
      const left = JSON.stringify(result.value);
      if (count(left, SECRET) > 0) expect(left).toBe(sent);
    }),
    runs(10_000),
  );
});

test('nothing disabled leaves where the body names other projects, late, wrongly or not at all', () => {
  const closed = fc.constantFrom(
    '"P2"',
    '"P1 "',
    '"p1"',
    '["P1"]',
    '{"P1":"P1"}',
    'null',
    '1',
    '"\\u0050"',
    `"${'P1'.repeat(200)}"`,
  );
  const mixed = fc
    .tuple(
      fc.array(conversation, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(closed, fc.nat(2)), { minLength: 3, maxLength: 3 }),
      ways,
    )
    .map(([all, projects, how]) => {
      const withProjects = all.map((one, i) => {
        const [id, where] = projects[i]!;
        const named = `${spell('project_id', how)}:${id}`;
        if (where === 0) return one;
        return where === 1 ? one.replace('{', `{${named},`) : one.replace(/\}$/, `,${named}}`);
      });
      return `{"project_id":"P1","conversations":[${withProjects.join(',')}]}`;
    });
  const subject: PolicySource = {
    featuresFor: (id) => (id === 'P1' ? { transcript: true, metrics: 'all' } : features),
  };
  fc.assert(
    fc.property(mixed, pieceLengths, (sent, lengths) => {
      const left = filterInPieces(Buffer.from(sent), lengths, fields, subject, limits).toString();
      if (count(left, SECRET) > 0) expect(left).toBe(sent);
    }),
    runs(5_000),
  );
});

test('a withheld name is known at every place where it can be cut, in every spelling of one of its characters', () => {
  const name = 'turns';
  for (let i = 0; i < name.length; i++) {
    for (const digits of ['toLowerCase', 'toUpperCase'] as const) {
      const escaped = `\\u${name.charCodeAt(i).toString(16).padStart(4, '0')[digits]()}`;
      const sent = Buffer.from(`{"a":1,"${name.slice(0, i)}${escaped}${name.slice(i + 1)}" : [ "${SECRET}" ] ,"z":2}`);
      for (let cut = 0; cut <= sent.length; cut++) {
        const left = filterInPieces(sent, [Math.max(1, cut), sent.length], fields, { features }, limits).toString();
        expect(left).toBe(sent.toString().replace(`[ "${SECRET}" ]`, '[]'));
      }
    }
  }
});

test('a name behind __proto__, repeated, in another case and inside a text is told apart', () => {
  const sent = `{"__proto__":{"turns":"${PUBLIC}"},"turns":"${SECRET}","Turns":"${PUBLIC}","x":"\\"turns\\":1","turns":["${SECRET}"]}`;
  expect(filterWhole(sent, fields, { features }, limits).toString()).toBe(
    `{"__proto__":{"turns":"${PUBLIC}"},"turns":"","Turns":"${PUBLIC}","x":"\\"turns\\":1","turns":[]}`,
  );
});
