import { ServerResponse } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { KeyscopeError } from '../../errors';
import type { ResolvedRedactOptions } from '../options';
import { restricts } from '../policy';
import { decideBody } from './body-decision';
import { createDecoder } from './body-writer';
import { createBodyFilter } from './formats';
import type { Method } from './hooks';
import type { Coding } from './media-type';
import { type NamedProject, type RedactionReport, type ReportDeps, readPolicy } from './response-context';
import { readFacts } from './response-head';
import { applyHead, isStatus } from './response-headers';
import { isKnownText } from './status-texts';
import { bytesOf, isChunk, readArguments } from './write-arguments';

/** Bytes of a body that are looked at, before and after decoding. */
const MAX_BYTES = 1_048_576;
/** Bytes that all open responses of a route may hold (64 MiB). Bodies beyond are looked at in part. */
const MAX_HELD = 64 * MAX_BYTES;
/** Statuses of responses to conditions and ranges of the unredacted body, which redaction hides from the handler. */
const CONDITIONAL = new Set([206, 304, 412, 416]);

/** Bytes that are held at present. */
interface Held {
  bytes: number;
}

/** The beginning of a body. */
class Beginning {
  isCut = false;
  readonly #held: Held;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(held: Held) {
    this.#held = held;
  }

  add(chunk: Uint8Array): void {
    const room = Math.max(0, Math.min(MAX_BYTES - this.#size, MAX_HELD - this.#held.bytes));
    if (chunk.length > room) this.isCut = true;
    if (room === 0) return;
    const kept = Buffer.from(chunk.subarray(0, room));
    this.#size += kept.length;
    this.#held.bytes += kept.length;
    this.#chunks.push(kept);
  }

  release(): void {
    this.#held.bytes -= this.#size;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** A response as a handler has written it. */
interface Observed {
  /** Has the status and the headers of the moment of the first byte. Undefined: nothing was written. */
  head: ServerResponse | undefined;
  readonly body: Beginning;
}

/** A response of its own, because headers that are given to `writeHead` cannot be read from the one that they are sent with. */
function copyHead(req: Request, res: Response, written: readonly unknown[]): ServerResponse {
  const head = new ServerResponse(req);
  head.statusCode = res.statusCode;
  for (const name of res.getHeaderNames()) head.setHeader(name, res.getHeader(name)!);
  if (isStatus(written[0])) applyHead(head, Number(written[0]) | 0, written[1], written[2]);
  return head;
}

/** Copies what is written to a response on its way to the client. Calls, arguments, results and errors are those without it. */
function observe(req: Request, res: Response, held: Held, onError: ReportDeps['onError']): Observed {
  const observed: Observed = { head: undefined, body: new Beginning(held) };
  const target = res as unknown as Record<'write' | 'end' | 'writeHead', Method>;
  let written: readonly unknown[] = [];
  /** Calls in progress. The original `end` may call `write`. */
  let depth = 0;

  function note(name: string, args: readonly unknown[]): void {
    if (name === 'writeHead') {
      written = args;
      return;
    }
    const given = readArguments(args);
    observed.head ??= copyHead(req, res, written);
    if (isChunk(given)) observed.body.add(bytesOf(given));
  }

  for (const name of ['write', 'end', 'writeHead'] as const) {
    const original = target[name];
    target[name] = function noted(this: unknown, ...args: unknown[]) {
      try {
        if (depth === 0) note(name, args);
      } catch (error) {
        onError(error);
      }
      depth += 1;
      try {
        return Reflect.apply(original, this, args);
      } finally {
        depth -= 1;
      }
    };
  }
  return observed;
}

/** The beginning of a body without its coding. */
async function decode(coding: Coding | null, bytes: Buffer): Promise<Beginning> {
  const decoded = new Beginning({ bytes: 0 });
  if (coding === null) decoded.add(bytes);
  if (coding === null || bytes.length === 0) return decoded;
  const decoder = createDecoder(coding, bytes[0]!);
  decoder.end(bytes);
  try {
    for await (const chunk of decoder) {
      decoded.add(chunk as Uint8Array);
      if (decoded.isCut) break;
    }
  } catch {
    // Damaged, or only the beginning of a body.
    decoded.isCut = true;
  }
  return decoded;
}

function rejected(rejection: string): RedactionReport {
  return { withheld: [], rejection, isPartial: false };
}

/**
 * Creates the middleware of `redactResponse({ mode: 'report' })`. It looks at a copy of each response after its end, and sends
 * every response unchanged.
 */
export function createReportResponse(
  deps: ReportDeps,
  options: ResolvedRedactOptions,
  readProject: ((req: Request) => NamedProject) | undefined,
  refusalOf: (req: Request) => string | null,
): RequestHandler {
  const held: Held = { bytes: 0 };

  async function report(
    { head, body }: Observed,
    req: Request,
    isFinished: boolean,
    named: NamedProject | undefined,
  ): Promise<RedactionReport | undefined> {
    const policy = await deps.resolvePolicy(req);
    if (policy === undefined) return undefined;
    const getPolicy = () => readPolicy(policy, named, options);
    if (!restricts(getPolicy())) return undefined;
    const refusal = refusalOf(req);
    if (refusal !== null) return rejected(refusal);
    if (head === undefined || CONDITIONAL.has(head.statusCode)) return undefined;

    const { bytes } = body;
    const isWhole = isFinished && !body.isCut;
    const context = { req, res: head as Response, hidden: undefined };
    const knownText = isWhole && isKnownText(bytes, req, head);
    const facts = readFacts(context, false, bytes.length === 0 ? 'none' : 'whole', knownText, req.method);
    const decision = decideBody(facts, options);
    if (decision.kind === 'reject' || decision.kind === 'replace') return rejected(decision.reason);
    if (decision.kind !== 'stream') return undefined;

    const { fields, limits, textEvents } = options;
    const { format, coding, anyCharset } = decision;
    const filter = createBodyFilter(format, { fields, limits, textEvents, getPolicy, anyCharset });
    const decoded = await decode(coding, bytes);
    const isPartial = !isWhole || decoded.isCut;
    let rejection: string | null = null;
    try {
      filter.push(decoded.bytes);
      if (!isPartial) filter.end();
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      rejection = error.message;
    }
    const { withheld } = filter.value;
    return withheld.length === 0 && rejection === null ? undefined : { withheld, rejection, isPartial };
  }

  return function reportResponse(req: Request, res: Response, next: NextFunction): void {
    try {
      const named = readProject?.(req);
      const observed = observe(req, res, held, deps.onError);
      res.once('close', () => {
        report(observed, req, res.writableFinished, named)
          .then((result) => void (result !== undefined && deps.onReport(req, result)))
          .catch(deps.onError)
          .finally(() => observed.body.release());
      });
    } catch (error) {
      deps.onError(error);
    }
    next();
  };
}
