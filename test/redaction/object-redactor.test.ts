import { runInNewContext } from 'node:vm';
import { redactValue } from '../../src/redaction/object-redactor';
import { resolveRedactOptions } from '../../src/redaction/options';
import type { PolicySource } from '../../src/redaction/policy';

const { fields } = resolveRedactOptions({ metricAliases: { HANDOFF_REASON: 'handoff_reason' } });
const denied: PolicySource = { features: { transcript: false, metrics: ['B', '__proto__'] } };
const everything: PolicySource = { features: { transcript: true, metrics: 'all' } };

function redacted(body: unknown, subject: PolicySource = denied): unknown {
  const result = redactValue(body, fields, subject);
  if (result.needsText) throw new Error('needs text');
  return result.value;
}

const needsText = (body: unknown, subject: PolicySource = denied) => redactValue(body, fields, subject).needsText;
const conversation = () => ({ id: 'CA1', metrics: { A: 1, B: 2 }, turns: [{ said: 'x' }], state: { tier: 'gold' } });

test('transcripts are emptied in their type, metrics keep what is enabled in their order, all else stays', () => {
  expect(redacted({ conversations: [conversation(), conversation()], cursor: null })).toEqual({
    conversations: [
      { id: 'CA1', metrics: { B: 2 }, turns: [], state: { tier: 'gold' } },
      { id: 'CA1', metrics: { B: 2 }, turns: [], state: { tier: 'gold' } },
    ],
    cursor: null,
  });
  for (const [before, after] of [
    [[1], []],
    [{ a: 1 }, {}],
    ['x', ''],
    [7, null],
    [true, null],
    [null, null],
    [undefined, undefined],
    [Symbol.iterator, undefined],
  ]) {
    expect(redacted({ turns: before })).toEqual({ turns: after });
    expect(redacted({ handoff_reason: before })).toEqual({ handoff_reason: after });
  }
  for (const [before, after] of [
    [{}, {}],
    [[{ B: 1 }], []],
    ['B', ''],
    [1, null],
  ]) {
    expect(redacted({ metrics: before })).toEqual({ metrics: after });
  }
});

test('nothing given is ever changed, and what lies off the paths is shared', () => {
  const body = { conversations: [conversation()], more: { deep: [1] } };
  const before = structuredClone(body);
  Object.freeze(body.conversations[0]);
  const left = redacted(body) as typeof body;
  expect(body).toEqual(before);
  expect(left).not.toBe(body);
  expect(left.more).toBe(body.more);
  expect(left.conversations[0]!.state).toBe(body.conversations[0]!.state);
});

test('redactValue returns the value itself, unread, when everything is enabled', () => {
  const body = {
    get conversations() {
      throw new Error('was read');
    },
  };
  expect(redacted(body, everything)).toBe(body);
});

test('the same object in two places is redacted in both', () => {
  const shared = conversation();
  expect(JSON.stringify(redacted([shared, shared]))).toBe(JSON.stringify([redacted(shared), redacted(shared)]));
});

test('a member named __proto__ stays a member, and no prototype is set', () => {
  const body = JSON.parse('{"__proto__":{"turns":[1]},"metrics":{"__proto__":{"x":1},"A":1},"turns":[1]}') as object;
  const left = redacted(body) as { metrics: object };
  expect(JSON.stringify(left)).toBe('{"__proto__":{"turns":[1]},"metrics":{"__proto__":{"x":1}},"turns":[]}');
  expect(Object.getPrototypeOf(left)).toBe(Object.prototype);
  expect(Object.getPrototypeOf(left.metrics)).toBe(Object.prototype);
});

test('members that are only inherited are not there', () => {
  const body = Object.create(null) as Record<string, unknown>;
  body.id = 1;
  expect(redacted(body)).toEqual({ id: 1 });
  expect(JSON.stringify(redacted({ metrics: { constructor: 1, B: 1 } }))).toBe('{"metrics":{"B":1}}');
  const inherited = resolveRedactOptions({ transcript: ['toString', '__proto__'] });
  const result = redactValue({ id: 1 }, inherited.fields, denied);
  expect(result).toMatchObject({ needsText: false, value: { id: 1 }, withheld: [] });
});

test('an accessor is read once, and what was read is what is judged and printed', () => {
  let reads = 0;
  const body = {
    get turns() {
      reads++;
      return reads === 1 ? undefined : ['secret'];
    },
    get metrics() {
      return { A: 'secret', B: 1 };
    },
    conversations: [
      {
        get turns() {
          return ['secret'];
        },
      },
    ],
  };
  expect(JSON.stringify(redacted(body))).toBe('{"metrics":{"B":1},"conversations":[{"turns":[]}]}');
  expect(reads).toBe(1);
});

test('a Proxy that answers differently the second time gives nothing away', () => {
  let reads = 0;
  const body = new Proxy(conversation(), {
    get: (target, name, receiver) => {
      if (name === 'metrics' && ++reads > 1) return { A: 'secret' };
      return name === 'turns' ? ['secret'] : Reflect.get(target, name, receiver);
    },
  });
  expect(JSON.stringify(redacted(body))).toBe('{"id":"CA1","metrics":{"B":2},"turns":[],"state":{"tier":"gold"}}');
});

describe('values that only JSON.stringify can print', () => {
  class Conversation {
    turns = ['secret'];
  }
  class Sensitive {
    #turns = ['secret'];
    toJSON() {
      return { turns: this.#turns };
    }
  }
  class List extends Array {}

  test.each([
    ['a class instance', new Conversation()],
    ['one among conversations', { conversations: [new Conversation()] }],
    ['one as metrics', { metrics: new Conversation() }],
    ['one as transcript', { turns: new Date() }],
    ['a toJSON of a class', new Sensitive()],
    ['a toJSON of its own', { id: 1, toJSON: () => ({ turns: ['secret'] }) }],
    ['a hidden toJSON of its own', Object.defineProperty({ id: 1 }, 'toJSON', { value: () => ({ turns: [1] }) })],
    ['a toJSON that shows late', laterToJson()],
    ['a toJSON of metrics', { metrics: { B: 1, toJSON: () => ({ A: 'secret' }) } }],
    ['a toJSON of a list', { conversations: Object.assign([], { toJSON: () => [{ turns: ['secret'] }] }) }],
    ['a toJSON of a transcript', { turns: Object.assign([1], { toJSON: () => 'secret' }) }],
    ['a list of another class', { conversations: List.of({ turns: ['secret'] }) }],
    ['a Map', { conversations: new Map() }],
    ['a text in an object', { metrics: new String('secret') }],
    ['a function', { conversations: () => 1 }],
    ['a function as transcript', { turns: Object.assign(() => 1, { toJSON: () => 'secret' }) }],
    ['a BigInt', { conversations: 1n }],
    ['a BigInt as transcript', { turns: 1n }],
    ['an object of another realm', runInNewContext('({ turns: ["secret"] })')],
    ['a list in itself', endless()],
  ])('redactValue needs the text of %s', (_, body) => {
    expect(needsText(body)).toBe(true);
  });

  function laterToJson(): object {
    let reads = 0;
    return {
      turns: [],
      get toJSON() {
        return ++reads > 1 ? () => ({ turns: ['secret'] }) : undefined;
      },
    };
  }

  function endless(): unknown[] {
    const list: unknown[] = [];
    list.push(list);
    return list;
  }

  test.each(['Object', 'Array'] as const)(
    'redactValue needs the text of everything while %s.prototype has a toJSON',
    (name) => {
      const { prototype } = { Object, Array }[name];
      Object.defineProperty(prototype, 'toJSON', { value: () => 'secret', configurable: true });
      try {
        expect(needsText({ conversations: [] })).toBe(true);
        expect(needsText([conversation()])).toBe(true);
        const bare = Object.assign(Object.create(null) as object, { turns: [], conversations: [] });
        expect(needsText(bare)).toBe(true);
      } finally {
        Reflect.deleteProperty(prototype, 'toJSON');
      }
    },
  );

  test('redactValue needs no text of values off the paths, which JSON.stringify prints', () => {
    const body = { id: new Date(0), state: new Conversation(), turns: [new Sensitive()], metrics: { B: new Date(0) } };
    expect(JSON.stringify(redacted(body))).toBe(
      '{"id":"1970-01-01T00:00:00.000Z","state":{"turns":["secret"]},"turns":[],"metrics":{"B":"1970-01-01T00:00:00.000Z"}}',
    );
    expect(needsText({ turns: new Date(0), metrics: {} }, { features: { transcript: true, metrics: [] } })).toBe(false);
  });
});

test('values that JSON.stringify throws for or omits are handled by it as before', () => {
  const circular: Record<string, unknown> = { turns: ['x'] };
  circular.self = circular;
  expect(() => JSON.stringify(redacted(circular))).toThrow(/circular/);
  expect(JSON.stringify(redacted({ a: undefined, b: () => 1, turns: ['x'] }))).toBe('{"turns":[]}');
  const sparse = Object.assign(new Array(1).concat({ turns: ['x'] }), { more: 1 });
  expect(JSON.stringify(redacted({ conversations: sparse }))).toBe('{"conversations":[null,{"turns":[]}]}');
  for (const scalar of [undefined, null, 1, 'turns', true]) expect(redacted(scalar)).toBe(scalar);
});

test('an error of an accessor is the caller’s to hear', () => {
  const failure = new Error('from the handler');
  const body = {
    get id() {
      throw failure;
    },
  };
  expect(() => redacted(body)).toThrow(failure);
});

test('redactValue returns the features whose members it removed', () => {
  const withheld = (body: unknown, subject = denied) => {
    const result = redactValue(body, fields, subject);
    return result.needsText ? null : result.withheld;
  };
  expect(withheld({ turns: [] })).toEqual(['transcript']);
  expect(withheld({ conversations: [{ metrics: {} }] })).toEqual(['metrics']);
  expect(withheld({ handoff_reason: 'x', turns: '' })).toEqual(['transcript', 'metrics']);
  expect(withheld({ id: 1, turns: undefined })).toEqual([]);
  expect(withheld({ turns: [] }, everything)).toEqual([]);
});

describe('a body that mixes projects', () => {
  const asked: string[] = [];
  const subject: PolicySource = {
    featuresFor(id) {
      asked.push(id);
      return id === 'open' ? { transcript: true, metrics: 'all' } : { transcript: false, metrics: ['B'] };
    },
  };

  test('each conversation belongs to the project that it names, or to none', () => {
    const of = (project_id: unknown) => ({ project_id, turns: [1], metrics: { A: 1, B: 2 } });
    const body = {
      ...of('open'),
      conversations: [of('open'), of('x'), of(undefined), of(['open']), of('y'.repeat(300))],
    };
    const left = redacted(body, subject) as { conversations: { turns: unknown[]; metrics: object }[] } & typeof body;
    expect(left.turns).toEqual([1]);
    expect(left.conversations.map(({ turns, metrics }) => [turns.length, Object.keys(metrics).join()])).toEqual([
      [1, 'A,B'],
      [0, 'B'],
      [0, ''],
      [0, ''],
      [0, ''],
    ]);
    expect(new Set(asked)).toEqual(new Set(['open', 'x']));
  });

  test('a project named by an accessor is read once', () => {
    let reads = 0;
    const body = {
      get project_id() {
        return ++reads > 1 ? 'open' : 'x';
      },
      turns: [1],
    };
    expect(redacted(body, subject)).toEqual({ project_id: 'x', turns: [] });
  });

  test('a project named by something that is no plain data needs the text', () => {
    expect(needsText({ project_id: new String('open'), turns: [1] }, subject)).toBe(true);
    expect(needsText({ project_id: { toJSON: () => 'open' }, turns: [1] }, subject)).toBe(true);
  });
});
