import { z } from 'zod';
import { didYouMean } from '../src/did-you-mean';
import { KeyscopeError } from '../src/errors';
import { distinctList } from '../src/field-schemas';
import { describeValue, parseInput } from '../src/validate-input';

jest.mock('../src/did-you-mean', () => {
  const real = jest.requireActual<typeof import('../src/did-you-mean')>('../src/did-you-mean');
  return { ...real, didYouMean: jest.fn(real.didYouMean) };
});

function refused(schema: z.ZodType, value: unknown): KeyscopeError {
  try {
    parseInput(schema, value, 'thing');
  } catch (error) {
    if (error instanceof KeyscopeError) return error;
  }
  throw new Error('expected a KeyscopeError');
}

describe('parseInput', () => {
  test('parseInput returns the output of the schema', () => {
    const schema = z.strictObject({ a: z.string().default('x'), b: z.int().transform((n) => n * 2) });
    expect(parseInput(schema, { b: 2 }, 'thing')).toEqual({ a: 'x', b: 4 });
  });

  test('parseInput throws the code that the caller names', () => {
    expect(refused(z.string(), 1)).toMatchObject({ code: 'invalid_request', status: 400 });
    expect(() => parseInput(z.string(), 1, 'createApiKeys', 'invalid_options')).toThrow(
      expect.objectContaining({ code: 'invalid_options' }),
    );
  });

  test('parseInput names the accepted and the received value in each message', () => {
    const schema = z.strictObject({
      text: z.string().min(2).max(3),
      count: z.int().min(1).max(5),
      more: z.number().gt(0),
      flag: z.boolean(),
      choice: z.enum(['asc', 'desc']),
      list: z.array(z.string()).min(1),
      own: z.string().regex(/^a/, 'Begin with an a.'),
      either: z.union([z.string(), z.number()]),
      names: z.record(z.string().regex(/^[a-z]+$/, 'Use small letters.'), z.string()),
    });
    const messages = (value: object) =>
      Object.fromEntries(refused(schema, value).issues.map(({ path, message }) => [path, message]));
    expect(
      messages({
        text: 'x',
        count: 6,
        more: 0,
        flag: 'yes',
        choice: 'dsc',
        list: [],
        own: 'b',
        either: true,
        names: { A: '' },
      }),
    ).toEqual({
      text: 'Expected a string of at least 2 characters. Received "x".',
      count: 'Expected at most 5. Received 6.',
      more: 'Expected more than 0. Received 0.',
      flag: 'Expected true or false. Received "yes".',
      choice: 'Did you mean "asc"? Accepted: "asc", "desc". Received "dsc".',
      list: 'Expected an array of at least 1 entry. Received an empty array.',
      own: 'Begin with an a. Received "b".',
      either: 'Expected a string. Or: Expected a number. Received true.',
      'names.A': 'Use small letters. Received "A".',
    });
    expect(messages({})).toMatchObject({
      text: 'Expected a string. Received nothing.',
      count: 'Expected a number. Received nothing.',
      list: 'Expected an array. Received nothing.',
      names: 'Expected an object. Received nothing.',
    });
  });

  test('parseInput names the fields of an object when it receives something else', () => {
    const schema = z.strictObject({ name: z.string(), limits: z.strictObject({ depth: z.int() }).optional() });
    expect(refused(schema, 'CRM').issues).toEqual([
      { path: '', message: 'Expected an object; its fields are name, limits. Received "CRM".' },
    ]);
    expect(refused(schema, { name: 'CRM', limits: 5 }).issues).toEqual([
      { path: 'limits', message: 'Expected an object; its fields are depth. Received 5.' },
    ]);
  });

  test('parseInput suggests a known field for an unknown one at any depth', () => {
    const inner = z.strictObject({ maxKeys: z.int().optional(), label: z.string().optional() });
    const schema = z.strictObject({
      cache: inner.prefault({}),
      list: z.array(inner).optional(),
      record: z.record(z.string(), inner).optional(),
      either: z.union([z.string(), inner]).optional(),
      piped: inner.transform((value) => value).optional(),
    });
    const wrong = { maxKey: 1 };
    const error = refused(schema, {
      cache: wrong,
      list: [wrong],
      record: { a: wrong },
      either: wrong,
      piped: wrong,
      cahce: 1,
      '': 1,
    });
    expect(error.issues.map(({ path }) => path).sort()).toEqual(
      ['', 'cache.maxKey', 'cahce', 'either.maxKey', 'list.0.maxKey', 'piped.maxKey', 'record.a.maxKey'].sort(),
    );
    for (const { path, message } of error.issues) {
      if (path.endsWith('maxKey')) {
        expect(message).toBe('There is no such field. Did you mean "maxKeys"? Accepted: maxKeys, label.');
      }
    }
    expect(error.issues.find(({ path }) => path === 'cahce')?.message).toContain('Did you mean "cache"?');
  });

  test('parseInput reports at most 50 issues and a short summary', () => {
    const schema = z.array(z.string());
    expect(refused(z.strictObject({ a: z.string() }), { a: 1 }).message).toBe(
      'thing: `a`: Expected a string. Received 1.',
    );
    expect(refused(schema, 1).message).toBe('thing: Expected an array. Received 1.');
    const many = refused(schema, Array(100_000).fill(1));
    expect(many.issues).toHaveLength(50);
    expect(many.message).toMatch(/^thing: `0`: .* And 45 more\.$/);
    expect(many.message.length).toBeLessThan(500);
    const unknown = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`field ${index}`, 1]));
    expect(refused(z.strictObject({}), unknown).issues).toHaveLength(50);
  });
});

describe('describeValue', () => {
  test('describeValue describes each type in a few words', () => {
    const descriptions: [unknown, string][] = [
      [undefined, 'nothing'],
      [null, 'null'],
      ['', 'an empty string'],
      ['a"b\n', '"a\\"b\\n"'],
      ['word '.repeat(20), `"${'word '.repeat(8)}…"`],
      [1.5, '1.5'],
      [Number.NaN, 'NaN'],
      [10n, '10'],
      [true, 'true'],
      [[], 'an empty array'],
      [[1, 2], 'an array of 2'],
      [{ a: 1 }, 'an object'],
      [new Date(0), '1970-01-01T00:00:00.000Z'],
      [new Date(Number.NaN), 'an invalid Date'],
      [() => 1, 'a function'],
      [Symbol('s'), 'a symbol'],
    ];
    for (const [value, description] of descriptions) expect(describeValue(value)).toBe(description);
  });

  test('describeValue quotes nothing of a value that may be a secret', () => {
    expect(describeValue('k7Qm2XvR9pLw4TzN8bHc')).toBe('a string of 20 characters');
    expect(describeValue('redis://:hunter2@host')).toBe('a string of 21 characters');
    expect(describeValue('ops:hunter2@host')).toBe('a string of 16 characters');
    expect(describeValue('ops@example.com: hello')).toBe('"ops@example.com: hello"');
    expect(describeValue('hunter2', true)).toBe('a string of 7 characters');
    expect(describeValue(1234, true)).toBe('a number');
    const schema = z.strictObject({ pepper: z.union([z.string().min(16), z.array(z.string().min(16))]).optional() });
    for (const pepper of ['hunter2', ['hunter2'], { hunter2: 1 }]) {
      const error = refused(schema, { pepper });
      expect(JSON.stringify([error.message, error.issues])).not.toContain('hunter2');
    }
    for (const [value, description] of [
      [['hunter2'], 'an array of 1'],
      [{ hunter2: 1 }, 'an object'],
      [new Date(0), 'a Date'],
      [true, 'a boolean'],
    ] as const) {
      expect(describeValue(value, true)).toBe(description);
    }
    const named = refused(schema, { k7Qm2XvR9pLw4TzN8bHc: 1 });
    expect(JSON.stringify([named.message, named.issues])).not.toContain('k7Qm2');
  });
});

describe('hostile input', () => {
  const bounded = {
    maxKeys: z.int().optional(),
    permissions: distinctList({
      message: 'Expected names.',
      minimum: 0,
      maximum: 1000,
      entryMessage: (entry) => `There is no such name. ${jest.mocked(didYouMean)(entry, ['maxKeys'])}`,
    }).optional(),
  };

  test.each<[string, object]>([
    ['20,000 unknown fields', Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`maxKey${i}`, 1]))],
    ['1,000 unknown list entries', { permissions: Array.from({ length: 1000 }, (_, i) => `p${i}`) }],
    [
      '20,000 unknown fields twice',
      { a: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`x${i}`, 1])), b: 1, c: 1 },
    ],
  ])('parseInput compares at most 50 names for suggestions when it receives %s', (_, input) => {
    jest.mocked(didYouMean).mockClear();
    const { issues } = refused(z.strictObject({ ...bounded, a: z.strictObject(bounded).optional() }), input);
    expect(issues.length).toBeLessThanOrEqual(50);
    expect(jest.mocked(didYouMean).mock.calls.length).toBeLessThanOrEqual(100);
  });

  test('describeValue quotes nothing of a string that is too long to be searched for secrets', () => {
    expect(describeValue(`${'a '.repeat(2000)}`)).toBe('a string of 4000 characters');
  });
});
