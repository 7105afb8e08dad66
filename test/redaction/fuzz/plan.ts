import { Random } from '../../simulation/kernel/random';
import { CODINGS, INVALID_KINDS, makeBody, type OPTIONS, POLICIES, type Policy, VALID_KINDS } from './bodies';

export const STACKS = [
  'alone',
  'compression before',
  'compression after',
  'session before',
  'session after',
  'on-headers before',
  'on-headers after',
  'a wrapper of write and end before',
  'a wrapper of write and end after',
  'a wrapper of json and send after',
  'a second redaction',
] as const;

/** Ways to send a body. Each is a function of `send-ways.ts`. */
export const WAYS = [
  'json',
  'send object',
  'jsonp',
  'send string',
  'send bytes',
  'end string',
  'end bytes',
  'end hex',
  'writes',
  'writes and pauses',
  'writes and callbacks',
  'writes and drain',
  'corked writes',
  'text writes',
  'pipe',
  'pipe of a failing source',
  'pipeline',
  'pipeline of a generator',
  'for await',
  'web stream',
  'file stream',
  'sendFile',
  'download',
  'proxy',
  'piped request',
  'redirect',
  'sendStatus',
  'no handler',
  'next error',
  'throw',
  'destroy in the middle',
  'end without a body',
  'methods of the prototype',
] as const;
export type Way = (typeof WAYS)[number];

/** Ways after which the body is the one of the plan, if nothing else is amiss. */
const FAITHFUL: readonly Way[] = WAYS.slice(WAYS.indexOf('send string'), WAYS.indexOf('pipe'));
const FAITHFUL_STREAMS: readonly Way[] = ['pipe', 'pipeline', 'pipeline of a generator', 'for await', 'file stream'];
const FROM_OUTSIDE: readonly Way[] = ['file stream', 'sendFile', 'download', 'proxy', 'piped request'];
const OF_VALUES: readonly Way[] = ['json', 'send object'];

export const HEADS = [
  'none',
  'writeHead',
  'writeHead with headers',
  'writeHead with a list',
  'flushHeaders',
  'flushHeaders later',
  'early hints',
  'measures',
  'trailers',
  'a length',
  'an empty write',
  'a blank write',
] as const;
export type HeadStep = (typeof HEADS)[number];

export const LATE_STEPS = [
  'write',
  'end',
  'end with a callback',
  'json',
  'send',
  'setHeader',
  'writeHead',
  'destroy',
] as const;
export type LateStep = (typeof LATE_STEPS)[number];

export const RESPONDERS = [
  'default',
  'onError',
  'onError later',
  'onError in pieces',
  'next(error)',
  'next(error) later',
] as const;

const TYPES: Readonly<Record<string, readonly string[]>> = {
  json: [
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/json; charset=us-ascii',
    'application/json; charset=ISO-8859-1',
    'application/json;charset="windows-1252"',
    'application/hal+json; profile=https://example.com/a:b',
    'text/json',
    'application/problem+json',
  ],
  ndjson: ['application/x-ndjson', 'application/jsonl; charset=utf-8', 'application/x-lines', 'text/jsonl'],
  'json-seq': ['application/json-seq', 'application/geo+json-seq'],
  sse: ['text/event-stream', 'text/event-stream; charset=utf-8'],
  jsonp: ['text/javascript; charset=utf-8', 'application/javascript'],
};
const OTHER_TYPES = [
  'text/csv',
  'text/html; charset=utf-8',
  'text/plain',
  'application/octet-stream',
  'application/xml',
  'audio/mpeg',
  'application/json; charset=utf-16',
  'application/json; charset=utf-8; charset=utf-16',
  'json',
  'multipart/byteranges; boundary=x',
];
/** Bytes that are the same in every charset, so that a label that is not UTF-8 is right. */
const SINGLE_BYTE = /8859|1252|ascii/i;
const STATUSES = [201, 202, 204, 205, 206, 304, 400, 404, 429, 500, 503];

export interface Plan {
  readonly seed: number;
  readonly index: number;
  readonly express: 'Express 5' | 'Express 4';
  readonly stack: (typeof STACKS)[number];
  readonly policy: Policy;
  readonly isPolicyAsync: boolean;
  readonly options: keyof typeof OPTIONS;
  readonly responder: (typeof RESPONDERS)[number];
  readonly method: string;
  readonly version: '1.0' | '1.1';
  readonly headers: Readonly<Record<string, string>>;
  readonly kind: string;
  readonly size: number;
  readonly hasSecret: boolean;
  readonly type: string | undefined;
  readonly coding: string;
  readonly status: number;
  readonly way: Way;
  readonly head: readonly HeadStep[];
  readonly late: readonly LateStep[];
  /** Whether the late steps come after the body, not in the middle of it. */
  readonly isLateAfter: boolean;
  readonly pieceSize: number;
  /** Bytes of the response after which the client destroys the connection; undefined if it does not. */
  readonly abortAfter: number | undefined;
  /** Whether the client stops reading for a while. */
  readonly isSlow: boolean;
  /** Whether nothing is amiss, so that the response must be the redacted body. */
  readonly isClean: boolean;
}

function typeOf(random: Random, kind: string, options: Plan['options']): string | undefined {
  const natural = TYPES[kind === 'concatenated' ? 'json' : kind] ?? TYPES.json!;
  const choose = random.weighted<() => string | undefined>([
    [() => random.pick(natural), 70],
    [() => undefined, 6],
    [() => random.pick(OTHER_TYPES), 8],
    [() => random.pick(Object.values(TYPES).flat()), 10],
    [() => (options === 'many' ? 'audio/wav' : 'audio/mpeg'), 6],
  ]);
  return choose();
}

function requestHeaders(random: Random): Record<string, string> {
  const headers: Record<string, string> = {};
  if (random.chance(0.3)) headers['Accept-Encoding'] = random.pick(['gzip', 'br', 'gzip, deflate, br', 'identity']);
  if (random.chance(0.08)) headers.Range = random.pick(['bytes=0-9', 'bytes=5-', 'items=0-4', 'bytes=0-1,4-5']);
  if (random.chance(0.08)) headers['If-None-Match'] = random.pick(['*', '"v1"', 'W/"v1"']);
  if (random.chance(0.05)) headers.Accept = random.pick(['text/html', 'application/json', 'text/event-stream']);
  return headers;
}

function some<T>(random: Random, items: readonly T[], most: number, share: number): T[] {
  const chosen: T[] = [];
  while (chosen.length < most && random.chance(share)) chosen.push(random.pick(items));
  return chosen;
}

/** Whether a client that is sent this label reads the body that is meant. */
function isNatural(kind: string, type: string | undefined, options: Plan['options']): boolean {
  if (type === 'application/x-lines' && options !== 'many') return false;
  const natural = TYPES[kind === 'concatenated' ? 'json' : kind];
  return type === undefined ? kind === 'json' : natural?.includes(type) === true;
}

/** The case with this number: the same for every run with the seed. */
export function makePlan(seed: number, index: number): Plan {
  const random = new Random(seed, index);
  const policy = random.weighted(POLICIES.map((name) => [name, name === 'off' ? 4 : 2] as const));
  const options = random.pick(['none', 'many'] as const);
  const kind = random.chance(0.8) ? random.pick(VALID_KINDS) : random.pick(INVALID_KINDS);
  const type = typeOf(random, kind, options);
  const coding = random.chance(0.7) ? 'none' : random.pick(Object.keys(CODINGS));
  const status = random.chance(0.8) ? 200 : random.pick(STATUSES);
  const way = random.pick(WAYS);
  const head = some(random, HEADS, 3, 0.35);
  const late = some(random, LATE_STEPS, 3, 0.2);
  const method = random.weighted([
    ['GET', 80],
    ['HEAD', 8],
    ['POST', 12],
  ]);
  const headers = requestHeaders(random);
  const size = random.weighted([
    [1, 30],
    [2, 40],
    [8, 20],
    [1500, 0.5],
  ]);
  const abortAfter = random.chance(0.15) ? random.pick([0, 1, 20, 200, 600, 3000]) : undefined;
  const stack = random.pick(STACKS);
  // Bytes from files and sockets come at a time of their own.
  const isLateAfter = random.chance(0.6) || FROM_OUTSIDE.includes(way);
  const version = random.chance(0.06) ? '1.0' : '1.1';
  // A media type that passes through has no such field.
  const hasSecret = type !== 'audio/wav' && policy !== 'on';
  const isFaithful =
    FAITHFUL.includes(way) || FAITHFUL_STREAMS.includes(way) || (kind === 'json' && OF_VALUES.includes(way));
  const hasValues =
    VALID_KINDS.includes(kind) && (kind !== 'sse' || options === 'many') && isNatural(kind, type, options);
  const isPlainRequest = method !== 'HEAD' && headers.Range === undefined && headers['If-None-Match'] === undefined;
  const isPlainHead = head.every((step) =>
    ['none', 'flushHeaders later', 'early hints', 'measures', 'trailers'].includes(step),
  );
  const isRead = coding === 'none' || (CODINGS[coding]!.isValid && type !== undefined && !OF_VALUES.includes(way));
  return {
    ...{ seed, index, policy, options, kind, type, coding, status, way, head, late, method, headers, size, abortAfter },
    ...{ stack, version, hasSecret },
    express: random.pick(['Express 5', 'Express 4'] as const),
    isPolicyAsync: random.chance(0.1),
    isLateAfter,
    responder: random.pick(RESPONDERS),
    pieceSize: random.pick([1, 7, 50, 500, 5000, 70_000]),
    isSlow: size > 100 ? random.chance(0.5) : random.chance(0.02),
    isClean:
      isFaithful &&
      hasValues &&
      isPlainRequest &&
      isPlainHead &&
      isRead &&
      status === 200 &&
      abortAfter === undefined &&
      (late.length === 0 || isLateAfter) &&
      !late.includes('destroy') &&
      // Express gives these a type that is no JSON.
      (type !== undefined || !way.startsWith('send ')) &&
      policy !== 'on' &&
      !(SINGLE_BYTE.test(type ?? '') && way !== 'json'),
  };
}

/** Whether the result depends on how far a handler has come when the connection is destroyed. */
export function isTimed({ abortAfter, head, late, way }: Plan): boolean {
  return (
    abortAfter !== undefined ||
    late.includes('destroy') ||
    way === 'destroy in the middle' ||
    way === 'pipe of a failing source' ||
    (head.includes('flushHeaders later') && FROM_OUTSIDE.includes(way))
  );
}

/** The body of a case. Its numbers do not depend on how many the rest of the plan has used. */
export function bodyOf(plan: Plan) {
  const random = new Random(plan.seed ^ 0x5bd1e995, plan.index);
  return makeBody(plan.kind, random, plan.policy, plan.size, plan.hasSecret);
}
