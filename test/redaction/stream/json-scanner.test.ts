import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { resolveRedactOptions } from '../../../src/redaction/options';
import type { PolicySource } from '../../../src/redaction/policy';
import type { JsonFilter } from '../../../src/redaction/stream/json-filter';
import { jsonText, runs } from '../fixtures';
import { createJsonFilter, filterInPieces, filterWhole } from '../helpers';

const { fields, limits } = resolveRedactOptions();
const denied: PolicySource = { features: { transcript: false, metrics: ['B'] } };

const CONVERSATION = [
  '{"id":"CA\\u0031é😀","n":-12.50e+3,"t\\u0075rns":[{"said":"\\"x\\"","ok":true,"no":false,"nil":null}],',
  '"metrics":{"A":[1,{"turns":2}],"B" : "kept" ,"C":{}},"state":{"a":[[],{}]},"turns":"again"}',
].join('\n ');
const REDACTED = [
  '{"id":"CA\\u0031é😀","n":-12.50e+3,"t\\u0075rns":[],',
  '"metrics":{"B" : "kept" },"state":{"a":[[],{}]},"turns":""}',
].join('\n ');

test('a large body is read the same at the end of the window', () => {
  const sent = `,${CONVERSATION}`;
  for (let before = 0; before <= Buffer.byteLength(sent); before++) {
    const padding = `"${'p'.repeat(65_536 - 3 - before)}"`;
    const left = filterWhole(`[${padding}${sent}]`, fields, denied, limits);
    expect(left.subarray(1 + padding.length).toString()).toBe(`,${REDACTED}]`);
  }
});

test('large bodies in large pieces are filtered the same whatever the pieces', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(jsonText, { minLength: 1, maxLength: 30 }), fc.nat(70_000), lengths, (texts, long, cuts) => {
      const body = `{"conversations":[${texts.join(`,"${'x'.repeat(long)}",`)}]}`;
      const whole = filterWhole(body, fields, denied, limits);
      expect(filterInPieces(Buffer.from(body), cuts, fields, denied, limits).equals(whole)).toBe(true);
    }),
    runs(150),
  );
});

describe('filters that take turns do not disturb each other', () => {
  const collect = (
    subject: PolicySource,
    depth = limits.depth,
  ): { filter: Pick<JsonFilter, 'write' | 'end'>; left: () => string } => {
    const parts: Buffer[] = [];
    const filter = createJsonFilter(fields, subject, { ...limits, depth }, (bytes) => parts.push(Buffer.from(bytes)));
    return { filter, left: () => Buffer.concat(parts).toString() };
  };

  test('piece by piece, in the middle of anything', () => {
    const bodies = [
      `[${CONVERSATION}]`,
      `{"conversations":[[${CONVERSATION}]]}`,
      `${'['.repeat(100)}${CONVERSATION}${']'.repeat(99)},{"deep":[[[{}]]]}]`,
    ];
    const filters = bodies.map(() => collect(denied));
    const longest = Math.max(...bodies.map((body) => Buffer.byteLength(body)));
    for (let at = 0; at < longest; at++) {
      bodies.forEach((body, i) => {
        const byte = Buffer.from(body).subarray(at, at + 1);
        if (byte.length > 0) filters[i]!.filter.write(byte);
      });
    }
    for (const { filter } of filters) filter.end();
    expect(filters.map(({ left }) => left())).toEqual(bodies.map((body) => body.replace(CONVERSATION, REDACTED)));
  });

  test('filters that are used while another resolves a project do not disturb each other', () => {
    const inner: string[] = [];
    const subject: PolicySource = {
      featuresFor() {
        const { filter, left } = collect(denied);
        filter.write(Buffer.from(`[[[[[[${CONVERSATION}]]]]]]`));
        filter.end();
        inner.push(left());
        return { transcript: false, metrics: ['B'] };
      },
    };
    const { filter, left } = collect(subject);
    const body = `[[{"project_id":"P",${CONVERSATION.slice(1)}],{"a":{"b":[{}]}},{"project_id":"Q","turns":[1]}]`;
    filter.write(Buffer.from(body));
    filter.end();
    expect(left()).toBe(`[[{"project_id":"P",${REDACTED.slice(1)}],{"a":{"b":[{}]}},{"project_id":"Q","turns":[]}]`);
    expect(inner).toEqual([`[[[[[[${REDACTED}]]]]]]`, `[[[[[[${REDACTED}]]]]]]`]);
  });
});

test('redactResponse throws at start when the process has no WebAssembly', () => {
  const wasm = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly')!;
  Reflect.deleteProperty(globalThis, 'WebAssembly');
  try {
    jest.isolateModules(() => {
      const isolated =
        require('../../../src/redaction/stream/wasm/machine') as typeof import('../../../src/redaction/stream/wasm/machine');
      expect(() => isolated.sharedMachine()).toThrow(
        expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining('--jitless') }),
      );
    });
  } finally {
    Object.defineProperty(globalThis, 'WebAssembly', wasm);
  }
});

test('the WebAssembly scanner can open as many levels as its memory has room for', () => {
  const depth = 61_439;
  const body = `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const most = { ...limits, depth };
  expect(filterWhole(body, fields, denied, most).toString()).toBe(body);
  expect(filterInPieces(Buffer.from(body), [50_000], fields, denied, most).toString()).toBe(body);
  expect(() => filterWhole(`[${body}]`, fields, denied, most)).toThrow(/more than 61439 objects and arrays/);
});

test('the compiled scanner matches its source', () => {
  const folder = path.join(__dirname, '../../../src/redaction/stream/wasm');
  const hash = createHash('sha256')
    .update(readFileSync(path.join(folder, 'scanner.wat')))
    .digest('hex');
  expect(readFileSync(path.join(folder, 'binary.ts'), 'utf8')).toContain(hash);
});
