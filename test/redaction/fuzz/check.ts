import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { hasSecret, readValues, redactedValues } from './bodies';
import { bodyOf, isTimed, type LateStep, type Plan } from './plan';
import type { Outcome } from './servers';

export const LEAK = 'a disabled field was sent';

/** Late steps that send a chunk. */
const LATE_CHUNKS: readonly LateStep[] = ['write', 'end', 'end with a callback', 'json', 'send'];

/** Answers to a condition or a range of the unredacted body, which redaction hides from the handler. */
const CONDITIONAL = [206, 304, 412, 416];

function unpacked(bytes: Buffer): Buffer {
  try {
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch {
    return bytes;
  }
}

/**
 * Whether the handler gets further than without redaction, and so to other errors: without an exception, or past a callback that
 * middleware never calls (`compression()`, for a chunk that it compresses).
 */
function goesFurther({ plain, guarded }: Compared): boolean {
  const isWaiting = ({ log }: Outcome) => [...log.promises.values()].includes('pending');
  if (plain.some(isWaiting) && !isWaiting(guarded)) return true;
  return plain.some(({ log }) => [...log.exceptions].some((exception) => !guarded.log.exceptions.has(exception)));
}

function* checkHandler(compared: Compared): Generator<string> {
  const { plan, plain, guarded } = compared;
  const { log, isRejected } = guarded;
  const isFurther = goesFurther(compared);
  const excused = isRejected || isTimed(plan) || isFurther;
  // Node reports a late chunk only until the connection is closed. express-session ends a response later, and accepts one until then.
  const isLate = (error: string) =>
    !isRejected &&
    plan.late.some((step) => LATE_CHUNKS.includes(step)) &&
    error === 'ERR_STREAM_WRITE_AFTER_END' &&
    (plan.stack === 'session before' || plain.some((outcome) => outcome.log.wasEnded));
  for (const exception of log.exceptions) {
    if (!isFurther && !plain.some((outcome) => outcome.log.exceptions.has(exception))) yield `exception ${exception}`;
  }
  for (const error of log.errorEvents) {
    if (isFurther || isLate(error)) continue;
    if (!plain.some((outcome) => outcome.log.errorEvents.has(error))) yield `error event ${error}`;
  }
  // The callbacks that Node calls for a response that was destroyed after an exception depend on what it had sent.
  const isBroken = plain.every((outcome) => outcome.log.exceptions.size > 0 && !outcome.client.isComplete);
  // express-session cuts a last chunk in two, without its callback, if there is a length, which error responses have.
  const losesEnd = isRejected && plan.stack === 'session after';
  // compression() never calls those of chunks that it compresses, and redaction has removed the coding that prevents that.
  const losesLate =
    plan.stack === 'compression before' && plan.coding !== 'none' && plan.way === 'destroy in the middle';
  let lost = 0;
  for (const [label, { calls, error }] of log.callbacks) {
    const others = plain.map((outcome) => outcome.log.callbacks.get(label));
    if (calls === 0 && !isFurther && others.every((other) => other !== undefined && other.calls > 0)) {
      lost += 1;
      if ((isBroken || losesEnd) && /^(?:late )?end/.test(label)) continue;
      if (losesLate && label.startsWith('late')) continue;
      if (plan.abortAfter === undefined || lost > LOST_BY_NODE) yield `lost callback ${label}`;
    }
    if (calls > 1 && others.every((other) => (other?.calls ?? 1) <= 1)) yield `callback ${label} called ${calls} times`;
    if (
      error !== undefined &&
      !excused &&
      !isLate(error) &&
      others.every((other) => other && other.calls > 0 && !other.error)
    ) {
      yield `callback ${label} with ${error}`;
    }
  }
  for (const [label, state] of log.promises) {
    const others = plain.map((outcome) => outcome.log.promises.get(label) ?? 'pending');
    // Node does not call the callback of an end that comes after the connection was destroyed.
    const isDestroyed = plan.abortAfter !== undefined || plan.late.includes('destroy');
    if (state === 'pending' && isDestroyed && plan.way === 'writes and callbacks') continue;
    if (state === 'pending' && others.every((other) => other !== 'pending')) yield `pending promise ${label}`;
    if (state !== 'resolved' && !excused && others.every((other) => other === 'resolved')) {
      yield `promise ${label}: ${state}`;
    }
  }
  if (!log.events.has('close')) yield 'no close event';
  const isFinished = ({ client, log }: Outcome) => log.events.has('finish') && !client.isStuck;
  if (!excused && !isBroken && plain.every(isFinished) && !log.events.has('finish')) {
    yield 'no finish event';
  }
}

function* checkClient(compared: Compared): Generator<string> {
  const { plan, plain, guarded } = compared;
  const { client, isRejected } = guarded;
  if (client.isStuck && !plain.some((outcome) => outcome.client.isStuck)) yield 'the response stays open';
  if (plan.policy !== 'on' && (hasSecret(client.wire) || hasSecret(unpacked(client.body)))) yield LEAK;
  if (isTimed(plan)) return;
  const [expected] = plain;
  // If it has no length, a response over HTTP/1.0 looks complete even if the server destroyed it.
  const isComplete = expected!.client.isComplete && expected!.log.events.has('finish') && !expected!.client.isStuck;
  if (!isRejected && isComplete && !client.isComplete) yield 'an unfinished response';
  const status = expected!.client.status;
  if (status !== undefined && status >= 400 && !CONDITIONAL.includes(status) && client.status !== undefined) {
    if (client.status !== status && !goesFurther(compared)) yield `status ${client.status} in place of ${status}`;
  }
}

/** Node itself does not call back for chunks that are written in the turn in which the client goes, nor for the end after them. */
const LOST_BY_NODE = 10;
/** `Cache-Control` and `Vary` are what redaction changes. They are checked with every other response. */
const VARIABLE = /^(?:date|cache-control|vary|set-cookie)$/;

function* checkOpen(compared: Compared): Generator<string> {
  const { plan, plain, guarded } = compared;
  if (goesFurther(compared)) return;
  if (guarded.isRejected) yield 'a rejection though everything is enabled';
  if (isTimed(plan)) return;
  // express-session ends a response later, and sends a chunk that comes after the end until then.
  const withoutLate = (body: string) =>
    plan.stack === 'session before' ? body.replaceAll('{"turns":["late"]}', '') : body;
  const seen = ({ client }: Outcome) => ({
    status: client.status,
    headers: Object.fromEntries(Object.entries(client.headers).filter(([name]) => !VARIABLE.test(name))),
    body: withoutLate(client.body.toString('latin1')),
  });
  const actual = seen(guarded);
  const [expected] = plain;
  const varies = guarded.client.headers.vary?.split(', ');
  const lost = expected!.client.headers.vary?.split(', ').filter((name) => !varies?.includes(name)) ?? [];
  if (lost.length > 0 && guarded.client.status === expected!.client.status) yield `Vary without ${lost}`;
  if (!plain.some((outcome) => isDeepStrictEqual(seen(outcome), actual))) {
    yield `another response: ${JSON.stringify(actual).slice(0, 300)} in place of ${JSON.stringify(seen(plain[0]!)).slice(0, 300)}`;
  }
}

function* checkClean({ plan, plain, guarded }: Compared): Generator<string> {
  // Some middleware throws for the way of sending, or never calls the callback that it waits for.
  if (plain.some(({ log, client }) => log.exceptions.size > 0 || client.isStuck)) return;
  if (guarded.isRejected) {
    yield 'a rejection of a valid body';
    return;
  }
  const { redacted } = guarded.client.headers;
  if (plan.policy !== 'mixed' && redacted !== 'transcript, metrics') yield `Redacted ${redacted}`;
  const expected = redactedValues(bodyOf(plan).values!, plan.policy);
  let actual: unknown;
  try {
    actual = readValues(plan.kind, guarded.client.body.toString());
  } catch (error) {
    yield `a body that is malformed: ${(error as Error).message}: ${guarded.client.body.toString().slice(0, 200)}`;
    return;
  }
  const isBodyless = plan.method === 'HEAD';
  if (!isBodyless && !isDeepStrictEqual(actual, expected)) {
    yield `values ${JSON.stringify(actual).slice(0, 300)} in place of ${JSON.stringify(expected).slice(0, 300)}`;
  }
}

/** Headers of every response, and headers and trailers that identify an unredacted body. The plans set three of these. */
function* checkHeaders({ plan, guarded }: Compared): Generator<string> {
  const { headers, wire, status } = guarded.client;
  if (status === undefined) return;
  const caching = headers['cache-control'] ?? '';
  if (!/\b(?:private|no-store)\b/.test(caching) || caching.includes('public')) yield `Cache-Control ${caching}`;
  if (!headers.vary?.includes('x-api-key')) yield `Vary ${headers.vary}`;
  if (plan.policy === 'on' || plan.type === 'audio/wav') return;
  const isKept =
    headers.etag === '"v1"' || 'x-amz-checksum-sha256' in headers || /content-md5/i.test(wire.toString('latin1'));
  if (isKept) yield 'a measure of the unredacted body was sent';
}

export interface Compared {
  readonly plan: Plan;
  /** Without redaction: one outcome, or several if they depend on when the client goes. */
  readonly plain: readonly Outcome[];
  readonly guarded: Outcome;
}

/**
 * The faults of redaction in one case. No handler gets an exception, an error event, an unfinished
 * response or a lost callback that it does not get without redaction, unless the body was rejected; a status of 400 or more is
 * kept; no disabled field is sent; and a body that can be redacted is redacted, and nothing else.
 */
export function violationsOf(compared: Compared): string[] {
  const { policy, isClean } = compared.plan;
  return [
    ...checkHandler(compared),
    ...checkClient(compared),
    ...checkHeaders(compared),
    ...(policy === 'on' ? checkOpen(compared) : []),
    ...(isClean ? checkClean(compared) : []),
  ];
}
