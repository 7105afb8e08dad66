import fc from 'fast-check';
import type { BodyFormat } from '../../../src/redaction/options';
import { resolveRedactOptions } from '../../../src/redaction/options';
import type { PolicySource } from '../../../src/redaction/policy';
import { createBodyFilter } from '../../../src/redaction/response/formats';
import type { FilterOptions } from '../../../src/redaction/response/formats/body-filter';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, conversation, page, redactedPage, SECRET, SOME_METRICS, serve } from './harness';

afterEach(closeAll);

const { fields, limits } = resolveRedactOptions();

function filterOptions(getPolicy: () => PolicySource): FilterOptions {
  return { fields, limits, getPolicy, anyCharset: false, textEvents: new Set(['endpoint']) };
}

/** The filtered body that is written in these chunks, or the error. */
function filtered(format: BodyFormat, chunks: readonly (string | Uint8Array)[]): string {
  const subject = { features: SOME_METRICS };
  const filter = createBodyFilter(
    format,
    filterOptions(() => subject),
  );
  const parts: Uint8Array[] = [];
  for (const chunk of chunks) {
    // A copy that is overwritten afterwards, as a reader with one buffer does: nothing may be kept by reference.
    const bytes = Buffer.from(chunk);
    parts.push(Buffer.from(filter.push(bytes)));
    bytes.fill(0x58);
  }
  parts.push(Buffer.from(filter.end()));
  return Buffer.concat(parts).toString();
}

function cutUp(text: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}

/** The same whatever the chunks: in one, in single bytes, cut at every place, and cut at random. */
function expectFiltered(format: BodyFormat, body: string, expected: string): void {
  expect(filtered(format, [body])).toBe(expected);
  expect(filtered(format, cutUp(body, [...Array(Buffer.byteLength(body)).keys()]))).toBe(expected);
  for (let at = 0; at <= Buffer.byteLength(body); at++) expect(filtered(format, cutUp(body, [at]))).toBe(expected);
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 12 }), (cuts) => {
      expect(filtered(format, cutUp(body, cuts))).toBe(expected);
    }),
    { numRuns: 50 },
  );
}

/** Rejected for any chunks, without the secret in the output before. */
function expectFault(format: BodyFormat, body: string): void {
  for (const cuts of [[], [...Array(Buffer.byteLength(body)).keys()]]) {
    const subject = { features: SOME_METRICS };
    const filter = createBodyFilter(
      format,
      filterOptions(() => subject),
    );
    let left = '';
    expect(() => {
      for (const chunk of cutUp(body, cuts)) left += Buffer.from(filter.push(chunk)).toString('latin1');
      left += Buffer.from(filter.end()).toString('latin1');
    }).toThrow(expect.objectContaining({ code: 'unredactable_response' }));
    expect(left).not.toContain(SECRET);
  }
}

const REDACTED = redactedPage(1).slice('{"conversations":['.length).split('],"cursor"')[0]!;

describe('one JSON value', () => {
  test('one JSON value is redacted, in pieces of any size', () => {
    expectFiltered('json', page(1), redactedPage(1));
  });

  test('an empty body is accepted, and one of white space is rejected', () => {
    expect(filtered('json', [])).toBe('');
    expect(filtered('json', [''])).toBe('');
    expectFault('json', ' \n');
  });
});

describe('a value a line', () => {
  const line = conversation(0);

  test.each([
    ['with a line feed after each', `${line}\n${line}\n`, `${REDACTED}\n${REDACTED}\n`],
    ['with none after the last', `${line}\n${line}`, `${REDACTED}\n${REDACTED}`],
    ['with CR LF', `${line}\r\n${line}\r\n`, `${REDACTED}\r\n${REDACTED}\r\n`],
    ['with blank lines', `\n\n${line}\n \n\r\n${line}\n\n`, `\n\n${REDACTED}\n \n\r\n${REDACTED}\n\n`],
    ['of scalars', '1\n"a"\nnull\n[]\n', '1\n"a"\nnull\n[]\n'],
    ['of nothing', '', ''],
  ])('%s', (_name, body, expected) => {
    expectFiltered('ndjson', body, expected);
  });

  test.each([
    ['two in one line', `${line}${line}\n`],
    ['one over two lines', `{"turns":[\n"${SECRET}"]}\n`],
    ['one that breaks off', `{"turns":["${SECRET}`],
    ['a text', `{}\n${SECRET}\n`],
  ])('lines are rejected: %s', (_name, body) => {
    expectFault('ndjson', body);
  });
});

describe('a sequence of JSON texts (RFC 7464)', () => {
  const text = conversation(0);

  test('a sequence of JSON texts is redacted, with values over several lines', () => {
    expectFiltered('json-seq', `\x1e${text}\n\x1e{\n"turns":["${SECRET}"]}\n`, `\x1e${REDACTED}\n\x1e{\n"turns":[]}\n`);
    expectFault('json-seq', `\x1e{"turns":["${SECRET}"\n\x1e{}\n`);
  });
});

describe('server-sent events', () => {
  const data = conversation(0);

  test.each([
    ['one event', `data: ${data}\n\n`, `data: ${REDACTED}\n\n`],
    ['without the space', `data:${data}\n\n`, `data:${REDACTED}\n\n`],
    [
      'several, with all fields',
      `id: 1\nevent: c\ndata: ${data}\n\nretry: 10\n\ndata: {}\n\n`,
      `id: 1\nevent: c\ndata: ${REDACTED}\n\nretry: 10\n\ndata: {}\n\n`,
    ],
    ['CR LF', `data: ${data}\r\nid: 2\r\n\r\n`, `data: ${REDACTED}\r\nid: 2\r\n\r\n`],
    ['CR', `data: ${data}\rid: 2\r\r`, `data: ${REDACTED}\rid: 2\r\r`],
    ['a byte order mark', `\ufeffdata: ${data}\n\n`, `\ufeffdata: ${REDACTED}\n\n`],
    ['comments', `: hi ${SECRET}\n\n:\n\n:x\ndata: {}\n\n`, `:\n\n:\n\n:\ndata: {}\n\n`],
    ['fields without a value', 'id\nevent\ndata\n\n', 'id\nevent\ndata\n\n'],
    ['empty data', 'event: ping\ndata:\n\ndata: \n\n', 'event: ping\ndata:\n\ndata: \n\n'],
    ['the end that is no JSON', `data: ${data}\n\ndata: [DONE]\n\n`, `data: ${REDACTED}\n\ndata: [DONE]\n\n`],
    ['a list that begins like it', 'data: [\n\n'.replace('\n\n', '1]\n\n'), 'data: [1]\n\n'],
    [
      'data over several lines',
      'data: {\ndata:  "id": "a",\ndata: "num_turns": 2\ndata: }\n\n',
      'data: {\ndata:  "id": "a",\ndata: "num_turns": 2\ndata: }\n\n',
    ],
    [
      'withheld data over several lines',
      `data: {"id":1,\ndata: "turns":\ndata: ["${SECRET}",\ndata: "${SECRET}"],\ndata: "b":2}\n\n`,
      'data: {"id":1,\ndata: "turns":\ndata: [],\ndata: "b":2}\n\n',
    ],
    [
      'data with another field between',
      'data: {"a":1,\nid: 5\ndata: "b":2}\n\n',
      'data: {"a":1,\nid: 5\ndata: "b":2}\n\n',
    ],
    ['no blank line at the end', `data: ${data}\n`, `data: ${REDACTED}\n`],
    ['no line end at the end', `data: ${data}`, `data: ${REDACTED}`],
    ['nothing', '', ''],
  ])('server-sent events are redacted: %s', (_name, body, expected) => {
    expectFiltered('sse', body, expected);
  });

  test('mean the same to a client where what is withheld reaches over other fields', () => {
    const body = `data: {"turns":["${SECRET}",\nid: 5\ndata: "${SECRET}"],"b":2}\n\n`;
    const left = filtered('sse', [body]);
    const joined = [...left.matchAll(/^data: ?(.*)$/gm)].map(([, value]) => value).join('\n');
    expect(JSON.parse(joined)).toEqual({ turns: [], b: 2 });
    expect(left).toContain('id: 5\n');
    expect(left.endsWith('\n\n')).toBe(true);
    expect(left.slice(0, -2)).not.toContain('\n\n');
  });

  test.each([
    ['data that are a text', `data: ${SECRET}\n\n`],
    ['data that break off at the end of their event', `data: {"turns":["${SECRET}"]\n\ndata: }\n\n`],
    ['two values in one event', `data: {}\ndata: {"turns":["${SECRET}"]}\n\n`],
    ['fields that no client knows', `turns: ${SECRET}\n\n`],
    ['fields that clients would not take for data', `Data: ${SECRET}\n\n`],
    ['a field that is nearly one', `dat: ${SECRET}\n\n`],
    ['a JSON body that calls itself a stream of events', page(1)],
    ['JSON that names an event', `event: {"turns":["${SECRET}"]}\ndata: {}\n\n`],
    ['a text that names one', `id: "${SECRET}"\n\n`],
    ['a list that does', `retry: ["${SECRET}"]\n\n`],
    ['something after [DONE]', `data: [DONE] ${SECRET}\n\n`],
    ['half of [DONE]', `data: [DON\n\n`],
    ['half a byte order mark', '\u00ef'],
  ])('refuse %s', (_name, body) => {
    expectFault('sse', body);
  });
});

describe('JSONP', () => {
  const express = (json: string): string => `/**/ typeof cb === 'function' && cb(${json});`;

  test.each([
    ['as Express writes it', express(conversation(0)), express(REDACTED)],
    ['in its shortest form', `cb(${conversation(0)})`, `cb(${REDACTED})`],
    [
      'with white space',
      `\n a.b[0] (\n`.replace(' (', '(').concat(` ${conversation(0)} \n) ;\n\n`),
      `\n a.b[0](\n ${REDACTED} \n) ;\n\n`,
    ],
    ['with strings that look like its end', 'cb({"a":");","b":"))))"});', 'cb({"a":");","b":"))))"});'],
    ['with much white space', `cb({}${' '.repeat(200)});`, `cb({}${' '.repeat(200)});`],
    ['without an argument', express(''), express('')],
    ['nothing', '', ''],
  ])('JSONP is redacted: %s', (_name, body, expected) => {
    expectFiltered('jsonp', body, expected);
  });

  test.each([
    ['a script', `var secret = "${SECRET}";`],
    ['two calls', `cb({"turns":["${SECRET}"]});cb({"turns":["${SECRET}"]});`],
    ['two arguments', `cb({}, {"turns":["${SECRET}"]});`],
    ['a call that breaks off', `cb({"turns":["${SECRET}"]}`],
    ['no end', 'cb({}'],
    ['a bare value', `{"turns":["${SECRET}"]}`],
    ['an expression before it', `alert({"turns":["${SECRET}"]})||cb({})`],
    ['a statement before it', `/* ${SECRET} */ cb({})`],
    ['an endless name', `${'c'.repeat(2000)}({})`],
    ['no call', 'cb'],
  ])('JSONP is rejected: %s', (_name, body) => {
    expectFault('jsonp', body);
  });
});

describe.each(expresses)('%s', (_name, express) => {
  test.each([
    ['application/x-ndjson', `${conversation(0)}\n`, `${REDACTED}\n`],
    ['application/jsonl; charset=utf-8', `${conversation(0)}\n`, `${REDACTED}\n`],
    ['application/json-seq', `\x1e${conversation(0)}\n`, `\x1e${REDACTED}\n`],
    ['text/event-stream', `data: ${conversation(0)}\n\n`, `data: ${REDACTED}\n\n`],
    ['application/javascript', `cb(${conversation(0)});`, `cb(${REDACTED});`],
    ['application/problem+json', conversation(0), REDACTED],
  ])('%s is read for what it is', async (type, body, expected) => {
    const served = await serve(express, (app, redact) => {
      app.use(redact());
      app.get('/end', (_req, res) => void res.setHeader('Content-Type', type).end(body));
      app.get('/send', (_req, res) => void res.set('Content-Type', type).send(body));
      app.get('/write', (_req, res) => {
        res.setHeader('Content-Type', type);
        for (const byte of Buffer.from(body)) res.write(Buffer.of(byte));
        res.end();
      });
    });
    for (const path of ['/end', '/send', '/write']) expect((await ask(served.url + path)).text).toBe(expected);
  });

  test('res.jsonp with a callback', async () => {
    const served = await serve(express, (app, redact) => {
      app.get('/', redact(), (_req, res) => void res.jsonp({ id: '\u2028', turns: [SECRET], metrics: { A: SECRET } }));
      app.get('/class', redact(), (_req, res) => void res.jsonp({ toJSON: () => ({ id: '\u2028', turns: [SECRET] }) }));
    });
    const answer = await ask(`${served.url}/?callback=my.cb`);
    expect(answer.text).toBe(`/**/ typeof my.cb === 'function' && my.cb({"id":"\\u2028","turns":[],"metrics":{}});`);
    expect(answer.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
    expect((await ask(`${served.url}/class?callback=cb`)).text).toBe(
      `/**/ typeof cb === 'function' && cb({"id":"\\u2028","turns":[]});`,
    );
  });
});
