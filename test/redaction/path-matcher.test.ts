import { type Features, NOTHING_ENABLED } from '../../src/features';
import { redactValue } from '../../src/redaction/object-redactor';
import { type RedactOptions, resolveRedactOptions } from '../../src/redaction/options';
import { filterWhole } from './helpers';

const features = { transcript: false, metrics: ['A'] };

/** The result of the object redactor and of the stream filter; they must agree. */
function left(body: unknown, options: RedactOptions): unknown {
  const { fields, limits } = resolveRedactOptions(options);
  const result = redactValue(body, fields, { features });
  if (result.needsText) throw new Error('needs text');
  expect(filterWhole(JSON.stringify(body), fields, { features }, limits).toString()).toBe(JSON.stringify(result.value));
  return result.value;
}

const T = { turns: [1], id: 1 };
const E = { turns: [], id: 1 };

test.each<[string, RedactOptions, unknown, unknown]>([
  ['the body itself', { conversations: '$' }, T, E],
  ['a bare list', { conversations: '$' }, [T, [T]], [E, [E]]],
  ['not one inside a body that is one', { conversations: '$' }, { x: T }, { x: T }],
  ['the elements of a list', { conversations: 'c[*]' }, { c: [T, T], turns: [1] }, { c: [E, E], turns: [1] }],
  ['a list in that list', { conversations: 'c[*]' }, { c: [[T]] }, { c: [[E]] }],
  ['one where a list was expected', { conversations: 'c[*]' }, { c: T }, { c: E }],
  ['many by name where a list was expected', { conversations: 'c[*]' }, { c: { x: T, y: T } }, { c: { x: E, y: E } }],
  ['a list where one was expected', { conversations: 'c' }, { c: [T] }, { c: [E] }],
  ['behind a list where an object was expected', { conversations: 'a.c' }, { a: [{ c: T }, T] }, { a: [{ c: E }, T] }],
  ['behind names with dots', { conversations: '["a.b"]' }, { 'a.b': T, a: { b: T } }, { 'a.b': E, a: { b: T } }],
  ['at several depths', { conversations: ['a[*]', 'a[*].b'] }, { a: [{ ...T, b: T }] }, { a: [{ ...E, b: E }] }],
  ['not in a scalar', { conversations: 'a.b' }, { a: 'b' }, { a: 'b' }],
])('a conversation is found: %s', (_, options, before, after) => {
  expect(left(before, options)).toEqual(after);
});

test.each<[string, RedactOptions, unknown, unknown]>([
  ['deeper inside', { transcript: 'a.t' }, { a: { t: 'x', u: 1 }, t: 'x' }, { a: { t: '', u: 1 }, t: 'x' }],
  ['in each element', { transcript: 'a[*].t' }, { a: [{ t: 'x' }, { t: [1] }] }, { a: [{ t: '' }, { t: [] }] }],
  [
    'in elements not asked for',
    { transcript: 'a.t' },
    { a: [{ t: 'x' }, [{ t: 'x' }]] },
    { a: [{ t: '' }, [{ t: '' }]] },
  ],
  ['in an object by name', { transcript: 'a[*].t' }, { a: { x: { t: 1 }, t: 1 } }, { a: { x: { t: null }, t: null } }],
  ['as elements', { transcript: 'a[*]' }, { a: [1, 'x', [2], { y: 1 }, null] }, { a: [null, '', [], {}, null] }],
  ['as what should have been elements', { transcript: 'a[*]' }, { a: 'x' }, { a: '' }],
  ['as an object that should have been a list', { transcript: 'a[*]' }, { a: { b: 'x' } }, { a: {} }],
  ['under a name of Object.prototype', { transcript: ['toString', '__proto__'] }, { toString: 1 }, { toString: null }],
])('a transcript is found %s', (_, options, before, after) => {
  expect(left(before, options)).toEqual(after);
});

test.each<[string, RedactOptions, unknown, unknown]>([
  ['by name', {}, { metrics: { B: 1, A: 2 } }, { metrics: { A: 2 } }],
  ['exactly by name', {}, { metrics: { a: 1, 'A ': 2, A: 3 } }, { metrics: { A: 3 } }],
  ['with all that is in it', {}, { metrics: { A: { turns: [1], B: 1 } } }, { metrics: { A: { turns: [1], B: 1 } } }],
  ['in each element', { metrics: 'm[*]' }, { m: [{ A: 1, B: 1 }, 'x', [1]] }, { m: [{ A: 1 }, '', []] }],
  ['unless a transcript is inside', { transcript: 'm.A', metrics: 'm' }, { m: { A: 'x', B: 1 } }, { m: { A: '' } }],
  [
    'also where repeated',
    { metricAliases: { A: 'a', B: ['b', '["c.d"]'] } },
    { a: 1, b: 'x', 'c.d': [1] },
    { a: 1, b: '', 'c.d': [] },
  ],
  ['repeated at the top level only', { metricAliases: { B: 'b' } }, { x: { b: 'x' } }, { x: { b: 'x' } }],
])('metrics stay %s', (_, options, before, after) => {
  expect(left(before, options)).toEqual(after);
});

test('a conversation inside a transcript goes with it, and inside metrics stays under its own rules', () => {
  const options: RedactOptions = { conversations: ['$', 'turns[*]', 'metrics.A'] };
  expect(left({ turns: [T], metrics: { A: T, B: T } }, options)).toEqual({ turns: [], metrics: { A: E } });
});

test('a value with several matches is sent only if each match allows it, from any conversation', () => {
  const options: RedactOptions = { conversations: ['$', 'a'], transcript: 'a.x', metrics: ['x', 'a.y', 'y'] };
  const { fields, limits } = resolveRedactOptions(options);
  const enabled: Record<string, Features> = {
    all: { transcript: true, metrics: 'all' },
    some: { transcript: true, metrics: ['A', 'B'] },
    other: { transcript: true, metrics: ['B', 'C'] },
    spoken: { transcript: true, metrics: [] },
    counted: { transcript: false, metrics: 'all' },
  };
  const subject = { featuresFor: (id: string) => enabled[id] ?? NOTHING_ENABLED };
  const m = { A: 1, B: 2, C: 3 };
  const leaves = (outer: string, inner: string): string => {
    const body = { project_id: outer, a: { project_id: inner, x: m, y: m } };
    const result = redactValue(body, fields, subject);
    if (result.needsText) throw new Error('needs text');
    const text = JSON.stringify(result.value);
    expect(filterWhole(JSON.stringify(body), fields, subject, limits).toString()).toBe(text);
    const { x, y } = (JSON.parse(text) as typeof body).a;
    return `${Object.keys(x).join('')}/${Object.keys(y).join('')}`;
  };
  expect(leaves('all', 'all')).toBe('ABC/ABC');
  expect(leaves('some', 'other')).toBe('BC/B');
  expect(leaves('other', 'some')).toBe('AB/B');
  expect(leaves('counted', 'some')).toBe('/AB');
  expect(leaves('some', 'counted')).toBe('ABC/AB');
  expect(leaves('spoken', 'all')).toBe('ABC/');
  expect(leaves('all', 'unknown')).toBe('/');
});

test('a conversation that is a metric too is of the project it names, also where that name does not stay', () => {
  const { fields, limits } = resolveRedactOptions({ conversations: ['$', 'metrics'] });
  const subject = {
    featuresFor: (id: string): Features => ({ transcript: id === 'inner', metrics: ['turns'] }),
  };
  const body = { project_id: 'outer', metrics: { project_id: 'inner', turns: [1] } };
  const result = redactValue(body, fields, subject);
  expect(result).toMatchObject({ value: { project_id: 'outer', metrics: { turns: [1] } } });
  expect(filterWhole(JSON.stringify(body), fields, subject, limits).toString()).toBe(
    '{"project_id":"outer","metrics":{"turns":[1]}}',
  );
});
