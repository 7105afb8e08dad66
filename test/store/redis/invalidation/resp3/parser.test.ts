import { connect } from 'node:net';
import fc from 'fast-check';
import { ReplyError, Resp3Parser } from '../../../../../src/store/redis/invalidation/resp3/parser';
import { type RedisServer, startRedis } from '../../../../support/redis/server';

/** Parses the chunks. Resolves with replies, and with pushes as `{ push }`. */
function parse(...chunks: (string | Buffer)[]): unknown[] {
  const found: unknown[] = [];
  const parser = new Resp3Parser({ onReply: (reply) => found.push(reply), onPush: (push) => found.push({ push }) });
  for (const chunk of chunks) parser.write(Buffer.from(chunk));
  return found;
}

test.each<[string, unknown]>([
  ['+OK\r\n', 'OK'],
  ['-ERR no\r\n', new ReplyError('ERR no')],
  ['!5\r\nERR a\r\n', new ReplyError('ERR a')],
  [':-12\r\n', -12],
  [',1.5e3\r\n', 1500],
  [',inf\r\n', Number.POSITIVE_INFINITY],
  ['(123456789012345678901\r\n', '123456789012345678901'],
  ['#t\r\n', true],
  ['_\r\n', null],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['$0\r\n\r\n', ''],
  ['$5\r\nÄ\r\n\0\r\n', 'Ä\r\n\0'],
  ['=7\r\ntxt:abc\r\n', 'abc'],
  ['*0\r\n', []],
  ['%1\r\n+a\r\n*2\r\n:1\r\n_\r\n', ['a', [1, null]]],
  ['~2\r\n+a\r\n+b\r\n', ['a', 'b']],
  ['|1\r\n+ttl\r\n:3\r\n*1\r\n|1\r\n+x\r\n+y\r\n:1\r\n', [1]],
  ['>2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n', { push: ['invalidate', ['a']] }],
])('the parser reads %j', (text, expected) => {
  expect(parse(text)).toEqual([expected]);
  expect(parse(...[...Buffer.from(text)].map((byte) => Buffer.of(byte)))).toEqual([expected]);
});

test.each([
  ['an unknown type', '@1\r\n'],
  ['an empty line', '\r\n'],
  ['a line without a line feed', '+OK\rx'],
  ['a length that is no number', '$x\r\n'],
  ['a negative length', '*-2\r\n'],
  ['a streamed string', '$?\r\n'],
  ['a string that is longer than its length', '$1\r\nabc\r\n'],
  ['a string beyond the bound', '$99999999\r\n'],
  ['a line beyond the bound', `+${'a'.repeat(70_000)}`],
  ['arrays nested too deeply', '*1\r\n'.repeat(17)],
  ['a number that is none', ':1x\r\n'],
  ['a push inside of an array', '*1\r\n>1\r\n+a\r\n'],
])('the parser throws on %s', (_, text) => {
  expect(() => parse(text)).toThrow();
});

test('the parser ends with a result or an error on any bytes', () => {
  const bytes = fc.array(fc.constantFrom(...'+-:$*~%>_,#(!=|\n0123'), { maxLength: 200 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 20 }), (characters, size) => {
      const data = Buffer.from(characters.join('').replaceAll('\n', '\r\n'));
      const outcome = (chunks: Buffer[]) => {
        try {
          return parse(...chunks);
        } catch {
          return 'error';
        }
      };
      const chunks = Array.from({ length: Math.ceil(data.length / size) }, (_, i) =>
        data.subarray(i * size, (i + 1) * size),
      );
      expect(outcome(chunks)).toEqual(outcome([data]));
    }),
    { numRuns: 2000 },
  );
});

test('messages are the same however they are split', () => {
  const value: fc.Arbitrary<{ text: string; value: unknown }> = fc.letrec<{ value: { text: string; value: unknown } }>(
    (tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string().map((text) => ({ text: `$${Buffer.byteLength(text)}\r\n${text}\r\n`, value: text as unknown })),
        fc.integer().map((number) => ({ text: `:${number}\r\n`, value: number as unknown })),
        fc.constant({ text: '_\r\n', value: null as unknown }),
        fc.array(tie('value'), { maxLength: 5 }).map((items) => ({
          text: `*${items.length}\r\n${items.map(({ text }) => text).join('')}`,
          value: items.map((item) => item.value) as unknown,
        })),
      ),
    }),
  ).value;
  fc.assert(
    fc.property(fc.array(value, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 10 }), (messages, cuts) => {
      const data = Buffer.from(messages.map(({ text }) => text).join(''));
      const points = [0, ...cuts.map((cut) => cut % (data.length + 1)).sort((a, b) => a - b), data.length];
      const chunks = points.slice(1).map((end, i) => data.subarray(points[i], end));
      expect(parse(...chunks)).toEqual(messages.map((message) => message.value));
    }),
  );
});

describe('on a real server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis({ args: ['--enable-debug-command', 'yes'] });
  });
  afterAll(() => server.stop());

  test('the parser reads every type that DEBUG PROTOCOL sends', async () => {
    const kinds = 'string integer double null array set map attrib push verbatim true false bignum'.split(' ');
    const found: unknown[] = [];
    const socket = connect(server.port, '127.0.0.1');
    const done = new Promise<void>((resolve, reject) => {
      // HELLO, one reply of each kind and the push, which is not a reply of its own.
      const add = (value: unknown) => {
        found.push(value);
        if (value === 'PONG') resolve();
      };
      const parser = new Resp3Parser({ onReply: add, onPush: (push) => add({ push }) });
      socket.on('data', (data) => parser.write(data));
      socket.on('error', reject);
    });
    socket.write(`HELLO 3\r\n${kinds.map((kind) => `DEBUG PROTOCOL ${kind}\r\n`).join('')}PING\r\n`);
    await done;
    socket.destroy();
    const [hello, ...replies] = found;
    expect(hello).toEqual(expect.arrayContaining(['proto', 3]));
    expect(replies).toEqual(
      expect.arrayContaining([
        'Hello World',
        12345,
        expect.any(Number),
        null,
        [0, 1, 2],
        [0, 0, 1, 1, 2, 0].map(() => expect.anything()),
        { push: ['server-cpu-usage', 42] },
        'This is a verbatim\nstring',
        true,
        false,
        '1234567999999999999999999999999999999',
      ]),
    );
  });
});
