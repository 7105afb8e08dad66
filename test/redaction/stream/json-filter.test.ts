import { KeyscopeError } from '../../../src/errors';
import { type RedactOptions, resolveRedactOptions } from '../../../src/redaction/options';
import type { PolicySource } from '../../../src/redaction/policy';
import { createJsonFilter, filterInPieces, filterText, filterWhole } from '../helpers';

const DENIED = { transcript: false, metrics: ['B', 'D'] };
const nothing: PolicySource = { features: DENIED };
const { fields, limits } = resolveRedactOptions();

function filtered(body: string, subject: PolicySource = nothing, options: RedactOptions = {}): string {
  const resolved = resolveRedactOptions(options);
  const whole = filterWhole(body, resolved.fields, subject, resolved.limits).toString();
  for (const length of [1, 2, 3, 5, 64]) {
    const left = filterInPieces(Buffer.from(body), [length], resolved.fields, subject, resolved.limits);
    expect(left.toString()).toBe(whole);
  }
  return whole;
}

describe('the filtered text', () => {
  test('bytes outside redacted fields are unchanged: digits, escapes, order, white space', () => {
    const before =
      ' { "n" : 12345678901234567890.10 , "k\\u00e9y" : "\\/\\u00E9é" ,"turns": [1, 2] ,\n"z":-0,"a":1e2 } \n';
    expect(filtered(before)).toBe(before.replace('[1, 2]', '[]'));
  });

  test.each([
    ['{"metrics":{"A":1}}', '{"metrics":{}}'],
    ['{"metrics":{"A":1,"C":2}}', '{"metrics":{}}'],
    ['{"metrics":{"B":1}}', '{"metrics":{"B":1}}'],
    ['{"metrics":{"A":1,"B":2}}', '{"metrics":{"B":2}}'],
    ['{"metrics":{"B":1,"A":2}}', '{"metrics":{"B":1}}'],
    ['{"metrics":{"B":1,"A":2,"D":3}}', '{"metrics":{"B":1,"D":3}}'],
    ['{"metrics":{"A":1,"B":2,"C":3,"D":4,"E":5}}', '{"metrics":{"B":2,"D":4}}'],
    ['{"metrics":{"D":1,"B":2}}', '{"metrics":{"D":1,"B":2}}'],
    ['{"metrics":{"B":1,"B":2,"A":0,"B":3}}', '{"metrics":{"B":1,"B":2,"B":3}}'],
    ['{"metrics":{}}', '{"metrics":{}}'],
    ['{"metrics":{ }}', '{"metrics":{ }}'],
    ['{"metrics":{ "A" : 1 , "B" : 2 , "C" : 3 , "D" : 4 }}', '{"metrics":{ "B" : 2 , "D" : 4 }}'],
    ['{"metrics":{ "B" : 2 , "C" : 3 }}', '{"metrics":{ "B" : 2  }}'],
    ['{"metrics":{ "A" : 1 }}', '{"metrics":{}}'],
    ['{"metrics":{"\\u0042":1,"\\u0041":2}}', '{"metrics":{"\\u0042":1}}'],
    ['{"metrics":[1]}', '{"metrics":[]}'],
    ['{"metrics":"x"}', '{"metrics":""}'],
    ['{"metrics":1.5}', '{"metrics":null}'],
    ['{"metrics":true}', '{"metrics":null}'],
    ['{"metrics":null}', '{"metrics":null}'],
  ])('metrics are filtered when only B and D are enabled: %s', (before, after) => {
    expect(filtered(before)).toBe(after);
  });

  test.each([
    ['{"turns":[{"a":[]}]}', '{"turns":[]}'],
    ['{"turns":{"a":1}}', '{"turns":{}}'],
    ['{"turns":"a\\"b"}', '{"turns":""}'],
    ['{"turns":12}', '{"turns":null}'],
    ['{"turns":false}', '{"turns":null}'],
    ['{"turns":null}', '{"turns":null}'],
    ['{"turns":[],"turns":"x","t\\u0075rns":{}}', '{"turns":[],"turns":"","t\\u0075rns":{}}'],
    ['[[{"turns":[1]}],{"turns":[2]}]', '[[{"turns":[]}],{"turns":[]}]'],
    ['[{"turns":1},{"turns":2},{"turns":3}]', '[{"turns":null},{"turns":null},{"turns":null}]'],
    ['{"metrics":{"A":0},"turns":0}', '{"metrics":{},"turns":null}'],
    ['"turns"', '"turns"'],
    ['7', '7'],
  ])('a transcript is cleared: %s', (before, after) => {
    expect(filtered(before)).toBe(after);
  });

  test('a text of several megabytes keeps its strings', () => {
    const long = `${'x'.repeat(3_000_000)}\\"`;
    const before = `{"a":"${long}","turns":["${long}"],"metrics":{"A":"${long}","B":"${long}"}}`;
    const { bytes } = filterText(before, fields, nothing, limits);
    expect(Buffer.from(bytes).toString()).toBe(`{"a":"${long}","turns":[],"metrics":{"B":"${long}"}}`);
    const inPieces = filterInPieces(Buffer.from(before), [65_536], fields, nothing, limits);
    expect(inPieces.equals(Buffer.from(bytes))).toBe(true);
  });

  test('the filter returns the features whose members it removed', () => {
    const withheld = (body: string, subject = nothing) => filterText(body, fields, subject, limits).withheld;
    expect(withheld('{"turns":[]}')).toEqual(['transcript']);
    expect(withheld('{"metrics":{"B":1}}')).toEqual(['metrics']);
    expect(withheld('{"metrics":{},"turns":0}')).toEqual(['transcript', 'metrics']);
    expect(withheld('{"id":1}')).toEqual([]);
    expect(withheld('{"turns":[]}', { features: { transcript: true, metrics: 'all' } })).toEqual([]);
  });
});

describe('a piece', () => {
  test('a piece without redacted fields is emitted without a copy', () => {
    const emitted: Uint8Array[] = [];
    const filter = createJsonFilter(fields, nothing, limits, (bytes) => emitted.push(bytes));
    const first = Buffer.from('{"state":[1,2,');
    const second = Buffer.from('3]}');
    filter.write(first);
    filter.write(second);
    filter.end();
    expect(emitted.map(({ buffer, byteOffset }) => [buffer, byteOffset])).toEqual([
      [first.buffer, first.byteOffset],
      [second.buffer, second.byteOffset],
    ]);
  });

  test('a piece is emitted at most once, before write returns, and end emits nothing', () => {
    let calls = 0;
    const filter = createJsonFilter(fields, nothing, limits, () => {
      calls++;
    });
    filter.write(Buffer.from('{"metrics":{"A":1,"B":2,"C":3,"D":4},"turns":[],"x":1}'));
    expect(calls).toBe(1);
    filter.write(Buffer.from(' '));
    expect(calls).toBe(2);
    filter.end();
    expect(calls).toBe(2);
  });

  test('a piece that is dropped as a whole is not emitted', () => {
    const emitted: string[] = [];
    const filter = createJsonFilter(fields, nothing, limits, (bytes) => emitted.push(Buffer.from(bytes).toString()));
    for (const piece of ['{"turns":["a', 'b', '', 'c"]', '}']) filter.write(Buffer.from(piece));
    filter.end();
    expect(emitted).toEqual(['{"turns":[]', '}']);
  });

  test('a piece may be any view of bytes', () => {
    const text = new TextEncoder().encode('...{"turns":[1]}...');
    let left = '';
    const filter = createJsonFilter(fields, nothing, limits, (bytes) => {
      left += Buffer.from(bytes).toString();
    });
    filter.write(text.subarray(3, 8));
    filter.write(new Uint8Array(text.buffer, text.byteOffset + 8, 8));
    filter.end();
    expect(left).toBe('{"turns":[]}');
  });
});

describe('a syntax error', () => {
  test('nothing of the piece leaves, nothing after it, and every later call says the same', () => {
    const emitted: string[] = [];
    const filter = createJsonFilter(fields, nothing, limits, (bytes) => emitted.push(Buffer.from(bytes).toString()));
    filter.write(Buffer.from('{"a":1,'));
    const errors = [
      () => filter.write(Buffer.from('"b":2,"turns":[1],oops')),
      () => filter.write(Buffer.from('"c":3}')),
      () => filter.end(),
    ].map((call) => {
      try {
        return call();
      } catch (error) {
        return error;
      }
    });
    expect(errors[0]).toBeInstanceOf(KeyscopeError);
    expect(errors[0]).toMatchObject({
      code: 'unredactable_response',
      message: 'The response cannot be redacted: a member name is expected.',
      cause: expect.objectContaining({ message: 'a member name is expected, at byte 25' }),
    });
    expect(errors[1]).toBe(errors[0]);
    expect(errors[2]).toBe(errors[0]);
    expect(emitted).toEqual(['{"a":1,']);
  });

  test('the message has no position, because positions measure the unredacted body', () => {
    expect(() => filterText('{"turns":["a secret" "another"]}', fields, nothing, limits)).toThrow(
      /^The response cannot be redacted: a comma or the right closing bracket is expected\.$/,
    );
  });

  test('an error thrown by featuresFor ends the filter', () => {
    const failure = new Error('no configuration');
    const subject: PolicySource = {
      featuresFor: () => {
        throw failure;
      },
    };
    const emitted: unknown[] = [];
    const filter = createJsonFilter(fields, subject, limits, (bytes) => emitted.push(bytes));
    expect(() => filter.write(Buffer.from('{"project_id":"P","turns":[1]}'))).toThrow(failure);
    expect(() => filter.write(Buffer.from('{"a":1}'))).toThrow(failure);
    expect(() => filter.end()).toThrow(failure);
    expect(emitted).toEqual([]);
  });
});

test('JsonFilter redacts each text like the first when the one before has ended', () => {
  let left = '';
  const mixed: PolicySource = { featuresFor: (id) => (id === 'P' ? { transcript: true, metrics: 'all' } : DENIED) };
  const filter = createJsonFilter(fields, mixed, limits, (bytes) => {
    left += Buffer.from(bytes).toString();
  });
  const before = [
    ...['{}', '12', ' "é" ', '[[[]]]', '{"turns":[1],"project_id":"P"}', '{"project_id":"P"}'],
    ...['{"project_id":"Q","metrics":{"A":1 }}', '{"project_id":"Q","metrics":{"A":1,"B":2}}', '{"turns":[1]}'],
  ];
  const next = [
    ['{"project_id":"Q","turns":[1],"metrics":{"A":1,"B":2}}', '{"project_id":"Q","turns":[],"metrics":{"B":2}}'],
    ['{"turns":[1],"metrics":{ "A":1 , "B":2 },"project_id":"Q"}', '{"turns":[],"metrics":{ "B":2 },"project_id":"Q"}'],
    [
      '[{"metrics":{"A":1},"a":[]},{"turns":"x","project_id":"P"}]',
      '[{"metrics":{},"a":[]},{"turns":"x","project_id":"P"}]',
    ],
    ['[{"metrics":{},"turns":[1]}]', '[{"metrics":{},"turns":[]}]'],
  ] as const;
  for (const start of before) {
    for (const [body, expected] of next) {
      for (const length of [1, 3, 7, 30]) {
        filter.write(Buffer.from(start).subarray(0, -1));
        filter.write(Buffer.from(start).subarray(-1));
        filter.end();
        left = '';
        for (let at = 0; at < body.length; at += length) filter.write(Buffer.from(body.slice(at, at + length)));
        filter.end();
        expect(left).toBe(expected);
      }
    }
  }
});

describe('limits', () => {
  test('a member name where names decide may be as long as keyBytes, elsewhere of any length', () => {
    const short = { ...limits, keyBytes: 16 };
    const attempt = (body: string, length: number) => () =>
      filterInPieces(Buffer.from(body), [length], fields, nothing, short).toString();
    const name = (length: number) => 'n'.repeat(length);
    for (const length of [1, 1000]) {
      for (const place of [
        (n: string) => `{"${n}":1}`,
        (n: string) => `{"metrics":{"B":1,"${n}":1}}`,
        (n: string) => `[{"${n}":1}]`,
      ]) {
        expect(attempt(place(name(10)), length)).not.toThrow();
        expect(attempt(place(name(17)), length)).toThrow(/a member name of more than 16 bytes/);
      }
      expect(attempt(`{"state":{"${name(5000)}":1}}`, length)).not.toThrow();
      expect(attempt(`{"turns":{"${name(5000)}":1}}`, length)).not.toThrow();
    }
  });

  test('white space around members of which some go is held back no further than keyBytes, and endless otherwise', () => {
    const short = { ...limits, keyBytes: 16 };
    const attempt = (body: string, length: number) => () =>
      filterInPieces(Buffer.from(body), [length], fields, nothing, short).toString();
    const gap = ' '.repeat(100);
    for (const length of [1, 1000]) {
      for (const body of [
        `{"metrics":{${gap}"B":1}}`,
        `{"metrics":{"A":1${gap}}}`,
        `{"metrics":{"A":1,${gap}"B":1}}`,
      ]) {
        expect(attempt(body, length)).toThrow(/a member name of more than 16 bytes/);
      }
      for (let cut = 1; cut < 100; cut++) {
        const around = (spaces: number) => `{"metrics":{"A":1${' '.repeat(spaces)},${' '.repeat(6)}"B":1}}`;
        expect(attempt(around(7), cut)).toThrow(/a member name of more than 16 bytes/);
        expect(attempt(around(6), cut)()).toBe('{"metrics":{      "B":1}}');
      }
      const loose = `${gap}{${gap}"metrics"${gap}:${gap}{"B"${gap}:${gap}1${gap}}${gap},${gap}"a":1}${gap}`;
      expect(attempt(loose, length)()).toBe(loose);
    }
  });
});

test('no more is held back than the limits allow, of a name, white space or conversation without end', () => {
  const small = { depth: 10, keyBytes: 100, heldBytes: 100 };
  const mixed: PolicySource = { featuresFor: () => DENIED };
  for (const [start, more, subject] of [
    ['{"', 'n', nothing],
    ['{"metrics":{"', 'n', nothing],
    ['{"metrics":{', ' ', nothing],
    ['{"metrics":{"A":1', ' ', nothing],
    ['{"metrics":{"B":1,', ' ', nothing],
    ['{"turns":[', '1,', mixed],
    ['{"metrics":{', ' ', mixed],
  ] as const) {
    const filter = createJsonFilter(fields, subject, small, () => {});
    filter.write(Buffer.from(start));
    expect(() => {
      for (let i = 0; i < 110; i++) filter.write(Buffer.from(more));
    }).toThrow(/bytes/);
  }
});

describe('a body that mixes projects', () => {
  const asked: string[] = [];
  const subject: PolicySource = {
    featuresFor(id) {
      asked.push(id);
      if (id === 'open') return { transcript: true, metrics: 'all' };
      return { transcript: id.startsWith('spoken'), metrics: ['B'] };
    },
  };
  const parts = '"turns":[1],"metrics":{"A":1,"B":2}';
  const closed = '"turns":[],"metrics":{"B":2}';
  const none = '"turns":[],"metrics":{}';

  test('a conversation is of the project it names, before or after what depends on it', () => {
    expect(filtered(`[{"project_id":"open",${parts}},{${parts},"project_id":"open"}]`, subject)).toBe(
      `[{"project_id":"open",${parts}},{${parts},"project_id":"open"}]`,
    );
    expect(filtered(`[{"project_id":"x",${parts}},{${parts} , "a":{"b":[]}, "project_id" : "x"}]`, subject)).toBe(
      `[{"project_id":"x",${closed}},{${closed} , "a":{"b":[]}, "project_id" : "x"}]`,
    );
  });

  test('one that names none has nothing enabled, whatever the one around it or before it names', () => {
    const body = `{"project_id":"open","conversations":[{"project_id":"open",${parts}},{${parts}},{"project_id":7,${parts}}],${parts}}`;
    const left = `{"project_id":"open","conversations":[{"project_id":"open",${parts}},{${none}},{"project_id":7,${none}}],${parts}}`;
    expect(filtered(body, subject)).toBe(left);
  });

  test.each([
    ['null', 'null', none],
    ['a number', '1', none],
    ['a list', '["open"]', none],
    ['an object', '{"open":"open"}', none],
    ['more text than an id can have', `"${'open'.repeat(65)}"`, none],
    ['an empty text', '""', closed],
    ['another project', '"open "', closed],
  ])('one that names %s is judged by that', (_, id, expected) => {
    expect(filtered(`{${parts},"project_id":${id}}`, subject)).toBe(`{${expected},"project_id":${id}}`);
    expect(filtered(`{"project_id":${id},${parts}}`, subject)).toBe(`{"project_id":${id},${expected}}`);
  });

  test('the name and the project are understood in any spelling', () => {
    const body = `{${parts},"pro\\u006aect_id":"\\u006fpen"}`;
    expect(filtered(body, subject)).toBe(body);
    const spelt = [...'spoken'.repeat(42)].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    expect(filtered(`{${parts},"project_id":"${spelt}"}`, subject)).toBe(
      `{"turns":[1],"metrics":{"B":2},"project_id":"${spelt}"}`,
    );
  });

  test('a member of that name deeper inside, or of another name, says nothing', () => {
    expect(filtered(`{"a":{"project_id":"open"},${parts},"Project_id":"open"}`, subject)).toBe(
      `{"a":{"project_id":"open"},${none},"Project_id":"open"}`,
    );
  });

  test('a conversation that names its project twice is cut off', () => {
    for (const body of [
      `{"project_id":"open","project_id":"open",${parts}}`,
      `{${parts},"project_id":"open","project_id":"x"}`,
      `{"project_id":"open",${parts},"projec\\u0074_id":"x"}`,
    ]) {
      expect(() => filtered(body, subject)).toThrow(/names its project twice/);
      expect(() => filterText(body, fields, nothing, limits)).not.toThrow();
    }
  });

  test('conversations inside one another wait for each their own', () => {
    const inner = `{"legs":[{${parts}}],${parts},"project_id":"open"}`;
    const body = `{${parts},"conversations":[${inner},{${parts}}],"project_id":"x"}`;
    const options = { conversations: ['$', 'conversations[*]', 'conversations[*].legs'] };
    expect(filtered(body, subject, options)).toBe(
      `{${closed},"conversations":[{"legs":[{${none}}],${parts},"project_id":"open"},{${none}}],"project_id":"x"}`,
    );
  });

  test('nothing is held back where nothing has to wait', () => {
    let left = '';
    const filter = createJsonFilter(fields, subject, { ...limits, heldBytes: 1 }, (bytes) => {
      left += Buffer.from(bytes).toString();
    });
    const pieces = ['{"conversations":[{"id":1,', '"project_id":"open","turns":[1', ',2],"a":', '1},', '{"id":2'];
    pieces.forEach((piece, i) => {
      filter.write(Buffer.from(piece));
      expect(left).toBe(pieces.slice(0, i + 1).join(''));
    });
  });

  test('a conversation is held back up to heldBytes, and cut off beyond', () => {
    const small = { ...limits, heldBytes: 100 };
    const late = (length: number) => `{"turns":"${'x'.repeat(length)}","project_id":"open"}`;
    for (const length of [1, 7, 1000]) {
      const attempt = (body: string) => () =>
        filterInPieces(Buffer.from(body), [length], fields, subject, small).toString();
      expect(attempt(late(78))()).toBe(late(78));
      expect(attempt(late(79))).toThrow(/does not name its project within 100 bytes/);
      expect(attempt(`{"turns":"${'x'.repeat(97)}"}`)()).toBe('{"turns":""}');
      expect(attempt(`{"turns":"${'x'.repeat(98)}"}`)).toThrow(/does not name its project within 100 bytes/);
      expect(attempt(`{"project_id":"open","turns":"${'x'.repeat(5000)}"}`)).not.toThrow();
    }
  });

  test('a project id that is too long is not kept in memory', () => {
    let left = 0;
    const filter = createJsonFilter(fields, subject, limits, (bytes) => {
      left += bytes.length;
    });
    filter.write(Buffer.from('{"project_id":"'));
    for (let i = 0; i < 100; i++) filter.write(Buffer.alloc(100, 'x'));
    expect(left).toBeGreaterThan(8000);
  });

  test('each project is asked for once', () => {
    asked.length = 0;
    const one = (id: string) => `{"project_id":"${id}",${parts}}`;
    filterText(`[${['a', 'b', 'a', 'b', 'a'].map(one).join(',')}]`, fields, subject, limits);
    expect(asked).toEqual(['a', 'b']);
  });

  test('any number of projects may be in one body, each as it is', () => {
    const one = (i: number) => `{"project_id":"${i % 7 === 0 ? 'open' : `p${i}`}","turns":[1]}`;
    const all = Array.from({ length: 5000 }, (_, i) => one(i));
    const left = filterWhole(`[${all.join(',')}]`, fields, subject, limits).toString();
    expect(left).toBe(`[${all.map((text, i) => (i % 7 === 0 ? text : text.replace('[1]', '[]'))).join(',')}]`);
  });
});
