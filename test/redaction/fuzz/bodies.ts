import * as zlib from 'node:zlib';
import type { Features } from '../../../src/features';
import type { Random } from '../../simulation/kernel/random';
import { referenceRedaction } from '../reference-implementation';

/** In every field that is not enabled. */
export const SECRET = 'tr4nscr1pt';
const HARMLESS = 'harmless';

export const POLICIES = ['on', 'off', 'some', 'mixed'] as const;
export type Policy = (typeof POLICIES)[number];

const NOTHING: Features = { transcript: false, metrics: [] };
const EVERYTHING: Features = { transcript: true, metrics: 'all' };

/** `mixed`: the route has no project, and each conversation names its own. */
export function featuresOf(policy: Policy, projectId: unknown): Features {
  if (policy === 'on') return EVERYTHING;
  if (policy === 'some') return { transcript: false, metrics: ['CALL_COMPLETED'] };
  return policy === 'mixed' && projectId === 'OPEN' ? EVERYTHING : NOTHING;
}

/** `values`: the JSON values of the body, if each of them can be redacted. */
export interface Body {
  readonly bytes: Buffer;
  readonly values: readonly unknown[] | undefined;
}

function conversation(random: Random, secret: string, policy: Policy): unknown {
  const isOpen = policy === 'on' || (policy === 'mixed' && random.chance(0.5));
  const text = isOpen ? HARMLESS : secret;
  return {
    project_id: isOpen ? 'OPEN' : 'CLOSED',
    id: `CA${random.below(1000)}`,
    turns: random.chance(0.1) ? text : [{ user_input: `${text} héllo 🙂 ]}` }, { agent_response: `${text} "ok"\n` }],
    note: random.pick(['', 'naïve', '[urgent] refund', '"quoted"', '{not json', '\u2028']),
    metrics: { CALL_COMPLETED: 'yes', CSAT: [text, 1.5] },
  };
}

function page(random: Random, secret: string, policy: Policy, size: number): unknown {
  const conversations = Array.from({ length: size }, () => conversation(random, secret, policy));
  return random.chance(0.2) ? conversations[0] : { conversations, cursor: null, one: 1.0 };
}

/** JSON, in one of the ways in which it can be written. */
function text(random: Random, value: unknown): string {
  const json = random.chance(0.15) ? JSON.stringify(value, null, 2) : JSON.stringify(value);
  return random.chance(0.15) ? json.replaceAll('"turns"', '"t\\u0075rns"') : json;
}

function line(random: Random, value: unknown): string {
  return text(random, value).replaceAll(/\n\s*/g, ' ');
}

const SSE_EXTRAS = [': ping\n\n', ':\n', 'retry: 100\n', 'id: 7\n', `: ${' '.repeat(100)}\n`];
/** The data of `endpoint` is no JSON. The routes say so. */
const TEXT_EVENT = 'event: endpoint\ndata: /messages?id=1\n\n';

type Make = (random: Random, secret: string, policy: Policy, size: number) => string | Buffer;

const series = (write: (random: Random, value: unknown) => string) => (random: Random, values: readonly unknown[]) =>
  values.map((value) => write(random, value)).join('');

/** Bodies of values, and how they are written. */
const VALID: Record<string, (random: Random, values: readonly unknown[]) => string> = {
  json: (random, [first]) => text(random, first),
  concatenated: series((random, value) => `${text(random, value)}${random.pick(['', '\n', ' '])}`),
  ndjson: series((random, value) => `${line(random, value)}${random.pick(['\n', '\r\n', '\n\n'])}`),
  'json-seq': series((random, value) => `\x1e${text(random, value)}\n`),
  sse: series((random, value) => {
    const extra = random.chance(0.4) ? random.pick(SSE_EXTRAS) : '';
    const event = random.chance(0.1) ? TEXT_EVENT : '';
    return `${extra}${event}data: ${text(random, value).replaceAll('\n', '\ndata: ')}\n\n`;
  }),
  jsonp: (random, [first]) => `/**/ typeof cb === 'function' && cb(${text(random, first)});`,
};

/** Bodies that cannot be redacted. */
const INVALID: Record<string, Make> = {
  csv: (_r, secret) => `id,text\n1,"${secret}"\n`,
  html: (_r, secret) => `<h1>${secret}</h1>`,
  binary: (_r, secret) => Buffer.concat([Buffer.from([0, 255, 254, 1]), Buffer.from(secret), Buffer.from([200])]),
  'utf-16': (_r, secret) => Buffer.from(JSON.stringify({ turns: [secret] }), 'utf16le'),
  truncated: (random, secret, policy) => text(random, page(random, secret, policy, 2)).slice(0, -3),
  'with a text behind it': (random, secret, policy) => `${text(random, page(random, secret, policy, 1))} ${secret}`,
  'with a byte order mark': (random, secret, policy) => `\ufeff${text(random, page(random, secret, policy, 1))}`,
  'too deep': (_r, secret) => `${'[{"a":'.repeat(600)}{"turns":["${secret}"]}${'}]'.repeat(600)}`,
  // Valid in other charsets.
  'invalid UTF-8': (_r, secret) => Buffer.from(`{"note":"\xff","turns":["${secret}"]}`, 'latin1'),
  'JSON in a string': (_r, secret) => JSON.stringify({ conversations: [JSON.stringify({ turns: [secret] })] }),
  'a string of JSON': (_r, secret) => JSON.stringify(JSON.stringify({ turns: [secret] })),
};

export const VALID_KINDS = Object.keys(VALID);
export const INVALID_KINDS = Object.keys(INVALID);

export function makeBody(kind: string, random: Random, policy: Policy, size: number, hasSecret: boolean): Body {
  const secret = hasSecret ? SECRET : HARMLESS;
  const write = VALID[kind];
  if (write === undefined)
    return { bytes: Buffer.from(INVALID[kind]!(random, secret, policy, size)), values: undefined };
  const count = kind === 'json' || kind === 'jsonp' ? 1 : 1 + random.below(3);
  const values = Array.from({ length: count }, () => page(random, secret, policy, size));
  return { bytes: Buffer.from(write(random, values)), values };
}

export const OPTIONS = {
  none: {},
  many: { passthrough: ['audio/wav'], textEvents: ['endpoint'], formats: { 'application/x-lines': 'ndjson' } },
} as const;

/** The values of a body, redacted by a second implementation of the rules. */
export function redactedValues(values: readonly unknown[], policy: Policy): unknown[] {
  return values.map((value) => referenceRedaction(value, {}, (projectId) => featuresOf(policy, projectId)));
}

/** The JSON values in a body that has been sent. */
export function readValues(kind: string, body: string): unknown[] {
  const nonEmpty = (texts: readonly string[]) =>
    texts.filter((part) => part.trim() !== '').map((part) => JSON.parse(part));
  switch (kind) {
    case 'json':
      return [JSON.parse(body)];
    case 'ndjson':
      return nonEmpty(body.split('\n'));
    case 'json-seq':
      return nonEmpty(body.split('\x1e'));
    case 'jsonp':
      return [JSON.parse(body.slice(body.indexOf('cb(') + 3, -2))];
    case 'sse':
      return nonEmpty(
        body.split('\n\n').map((event) =>
          event.includes('event: endpoint')
            ? ''
            : event
                .split('\n')
                .filter((row) => row.startsWith('data:'))
                .map((row) => row.slice(6))
                .join('\n'),
        ),
      );
    default: {
      // Values one after another: made the elements of one array.
      const separated = body.trim().replaceAll(/\}\s*\{(?="(?:project_id|conversations)")/g, '},{');
      return JSON.parse(`[${separated.replaceAll(/\}\s*\{(?=\n? *"(?:project_id|conversations)")/g, '},{')}]`);
    }
  }
}

type Encode = (bytes: Buffer) => Buffer;
const { zstdCompressSync } = zlib as unknown as { zstdCompressSync?: Encode };
/** Quickly: the best quality takes seconds for a large body. */
const brotli: Encode = (bytes) =>
  zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } });
const same: Encode = (bytes) => bytes;

/** Content codings: the header, what is done to the bytes, and whether the body can be read. */
export const CODINGS: Record<string, { header?: string; encode: Encode; isValid: boolean }> = {
  none: { encode: same, isValid: true },
  'the word none': { header: 'none', encode: same, isValid: true },
  'the word NONE': { header: 'None', encode: same, isValid: true },
  identity: { header: 'Identity', encode: same, isValid: true },
  'an empty value': { header: '', encode: same, isValid: true },
  'utf-8': { header: 'UTF-8', encode: same, isValid: true },
  gzip: { header: 'gzip', encode: (bytes) => zlib.gzipSync(bytes), isValid: true },
  'x-gzip': { header: 'X-Gzip', encode: (bytes) => zlib.gzipSync(bytes), isValid: true },
  br: { header: 'br', encode: brotli, isValid: true },
  deflate: { header: 'deflate', encode: (bytes) => zlib.deflateSync(bytes), isValid: true },
  'raw deflate': { header: 'deflate', encode: (bytes) => zlib.deflateRawSync(bytes), isValid: true },
  zstd: { header: 'zstd', encode: zstdCompressSync ?? same, isValid: zstdCompressSync !== undefined },
  'gzip twice': { header: 'gzip, gzip', encode: (bytes) => zlib.gzipSync(zlib.gzipSync(bytes)), isValid: false },
  'a false gzip': { header: 'gzip', encode: same, isValid: false },
  'a truncated gzip': { header: 'gzip', encode: (bytes) => zlib.gzipSync(bytes).subarray(0, -9), isValid: false },
  compress: { header: 'compress', encode: same, isValid: false },
  'an identity that is gzip': { header: 'identity', encode: (bytes) => zlib.gzipSync(bytes), isValid: false },
};

/** As much of a body as can be decoded. */
export function decode(bytes: Buffer, coding: string | undefined): Buffer {
  try {
    const flush = { finishFlush: zlib.constants.Z_SYNC_FLUSH };
    if (/^(?:x-)?gzip$/i.test(coding ?? '')) return zlib.gunzipSync(bytes, flush);
    if (/^br$/i.test(coding ?? '')) {
      return zlib.brotliDecompressSync(bytes, { finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH });
    }
    if (/^deflate$/i.test(coding ?? '')) return zlib.unzipSync(bytes, flush);
  } catch {
    // Not in this coding.
  }
  return bytes;
}

/** Whether bytes contain the secret, also as UTF-16 and as Base64. */
export function hasSecret(bytes: Buffer): boolean {
  const forms = [SECRET, SECRET.toUpperCase(), Buffer.from(SECRET).toString('hex')];
  return forms.some((form) => bytes.includes(form)) || bytes.includes(Buffer.from(SECRET, 'utf16le'));
}
