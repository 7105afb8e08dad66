import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextRound, setTimeout } from 'node:timers/promises';
import compression from 'compression';
import type expressModule from 'express';
import type { Application, NextFunction, Request, RequestHandler, Response } from 'express';
import session from 'express-session';
import { createProxyMiddleware } from 'http-proxy-middleware';
import onHeaders from 'on-headers';
import { sendProblem } from '../../../src/http/problem-response';
import { createRedactResponse, type RedactDeps } from '../../../src/redaction/response';
import { listen, NO_REPORTS } from '../response/harness';
import { type Body, CODINGS, featuresOf, OPTIONS } from './bodies';
import { ask, type ClientView } from './client';
import { HandlerLog } from './handler-log';
import { bodyOf, type Plan } from './plan';
import { send } from './send-ways';

/** Everything that came of one request. */
export interface Outcome {
  readonly log: HandlerLog;
  readonly client: ClientView;
  /** Whether redaction has rejected the body. */
  readonly isRejected: boolean;
}

interface Case {
  readonly plan: Plan;
  readonly body: Body;
  readonly bytes: Buffer;
  readonly log: HandlerLog;
  rejections: number;
}

type Express = typeof expressModule;

/** Rounds of the event loop, and then periods of 10 ms, in which callbacks are waited for. */
const ROUNDS = 40;
const WAITS = 200;
/** Milliseconds after which a response is stuck. A fault is only what is stuck with redaction alone, so that one waits long. */
const STUCK = { plain: 5000, guarded: 15_000, both: 5000 };
/** Of every file, so that its validators are the same in two requests. */
const MODIFIED = new Date('2026-11-22T00:00:00Z');

const wrap = (res: Response, names: readonly ('write' | 'end' | 'json' | 'send')[]) => {
  for (const name of names) {
    const original = res[name] as (...args: unknown[]) => unknown;
    (res as unknown as Record<string, unknown>)[name] = function wrapped(this: unknown, ...args: unknown[]) {
      return Reflect.apply(original, this, args);
    };
  }
};

const createSession = () => session({ secret: 'test', resave: false, saveUninitialized: true, rolling: true });

const setHeaders: RequestHandler = (_req, res, next) => {
  onHeaders(res, function publish(this: Response) {
    this.setHeader('X-Seen', String(this.statusCode));
    this.setHeader('Cache-Control', 'public, max-age=60');
  });
  next();
};

const wrapping =
  (...names: ('write' | 'end' | 'json' | 'send')[]): RequestHandler =>
  (_req, res, next) => {
    wrap(res, names);
    next();
  };

function middlewareOf(stack: Plan['stack']): { before: RequestHandler[]; after: RequestHandler[]; isTwice: boolean } {
  const made = stack.startsWith('compression')
    ? compression({ threshold: 0 })
    : stack.startsWith('session')
      ? createSession()
      : stack.startsWith('on-headers')
        ? setHeaders
        : stack.startsWith('a wrapper of write')
          ? wrapping('write', 'end')
          : stack.startsWith('a wrapper of json')
            ? wrapping('json', 'send')
            : undefined;
  const list = made === undefined ? [] : [made];
  const isBefore = stack.endsWith('before');
  return { before: isBefore ? list : [], after: isBefore ? [] : list, isTwice: stack === 'a second redaction' };
}

function pauseThen(work: () => unknown): void {
  setImmediate(() => setImmediate(work));
}

const envelope = (res: Response, code: string) => res.status(500).json({ ok: false, code, turns: ['x'] });

/** The apps of all stacks, with and without redaction, in front of the handlers of plans. */
export class FuzzServers {
  readonly #expresses: Readonly<Record<Plan['express'], Express>>;
  readonly #ports = new Map<string, Promise<number>>();
  readonly #servers: http.Server[] = [];
  readonly #cases = new Map<string, Case>();
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'keyscope-fuzz-'));
  readonly #redactors: Record<string, RequestHandler>;
  #count = 0;
  #upstream = '';
  #proxy: RequestHandler = (_req, _res, next) => next();

  constructor(expresses: Readonly<Record<Plan['express'], Express>>) {
    this.#expresses = expresses;
    const redactors: [string, RequestHandler][] = [];
    for (const usesDefaultErrorBody of [true, false]) {
      const redact = createRedactResponse(this.#deps(usesDefaultErrorBody));
      for (const [name, options] of Object.entries(OPTIONS)) {
        redactors.push([`${usesDefaultErrorBody} ${name}`, redact(options as object)]);
      }
    }
    this.#redactors = Object.fromEntries(redactors);
  }

  #caseOf(req: http.IncomingMessage): Case {
    return this.#cases.get(String(req.headers['x-case']))!;
  }

  #deps(usesDefaultErrorBody: boolean): RedactDeps {
    return {
      usesDefaultErrorBody,
      vary: 'x-api-key',
      checkInterval: 250,
      reports: NO_REPORTS,
      resolvePolicy: (req) => {
        const { policy, isPolicyAsync } = this.#caseOf(req).plan;
        const route = {
          routeProject: policy === 'mixed' ? undefined : 'PROJECT',
          featuresFor: (projectId: string | undefined) => featuresOf(policy, projectId),
        };
        return isPolicyAsync ? new Promise((resolve) => setImmediate(resolve, route)) : route;
      },
      fail: (error, req, res, next) => {
        const current = this.#caseOf(req);
        current.rejections += 1;
        const { responder } = current.plan;
        const onError = {
          default: undefined,
          onError: () => envelope(res, error.code),
          'onError later': () => pauseThen(() => envelope(res, error.code)),
          'onError in pieces': () =>
            pauseThen(() => {
              res.status(500).type('json').write('{"ok":');
              pauseThen(() => res.end('false}'));
            }),
          'next(error)': () => next(error),
          'next(error) later': () => pauseThen(() => next(error)),
        }[responder];
        sendProblem(error, req, res, next, { challenge: () => 'Key', onError });
      },
    };
  }

  async start(): Promise<void> {
    const upstream = http.createServer((req, res) => {
      const { plan, bytes } = this.#caseOf(req);
      const headers: Record<string, string | number> = { ETag: '"v1"', 'Content-MD5': 'YWJj' };
      if (plan.type !== undefined) headers['Content-Type'] = plan.type;
      const { header } = CODINGS[plan.coding]!;
      if (header) headers['Content-Encoding'] = header;
      if (plan.index % 2 === 0) headers['Content-Length'] = bytes.length;
      res.writeHead(plan.status, headers);
      res.write(bytes.subarray(0, plan.pieceSize));
      setImmediate(() => res.end(bytes.subarray(plan.pieceSize)));
    });
    this.#upstream = `http://127.0.0.1:${await listen(upstream)}`;
    this.#servers.push(upstream);
    this.#proxy = createProxyMiddleware({ target: this.#upstream });
  }

  /** The port of the app for a plan, which is started if it does not run yet. */
  #portOf(plan: Plan, isRedacted: boolean): Promise<number> {
    const name = `${plan.express} ${plan.stack} ${isRedacted}`;
    const started = this.#ports.get(name) ?? this.#listen(plan, isRedacted);
    this.#ports.set(name, started);
    return started;
  }

  #listen(plan: Plan, isRedacted: boolean): Promise<number> {
    const app = this.#expresses[plan.express]();
    app.set('env', 'test');
    const { before, after, isTwice } = middlewareOf(plan.stack);
    const redact: RequestHandler = (req, res, next) => {
      const { options, responder } = this.#caseOf(req).plan;
      this.#redactors[`${responder === 'default'} ${options}`]!(req, res, next);
    };
    app.use((req, res, next) => {
      this.#caseOf(req).log.watch(res);
      next();
    });
    app.use(...([...before, pass] as RequestHandler[]));
    if (isRedacted) app.use(redact);
    if (isRedacted && isTwice) app.use(redact);
    app.use(...([...after, pass] as RequestHandler[]));
    app.all('/case', (req, res, next) => void this.#handle(req, res, next));
    app.use((error: Error & { status?: number }, _req: Request, res: Response, _next: NextFunction) => {
      try {
        if (res.headersSent) res.destroy();
        else res.status(error.status ?? 500).json({ error: error.message, turns: ['x'] });
      } catch {
        res.destroy();
      }
    });
    const server = http.createServer(app as Application);
    this.#servers.push(server);
    return listen(server);
  }

  async #handle(req: Request, res: Response, next: NextFunction): Promise<void> {
    const { plan, body, bytes, log } = this.#caseOf(req);
    // A text that is no value is put where it must be removed.
    const [value] = body.values ?? [{ turns: [bytes.toString()] }];
    const file = path.join(this.#folder, `${req.headers['x-case']}.${plan.type?.includes('json') ? 'json' : 'bin'}`);
    if (['file stream', 'sendFile', 'download'].includes(plan.way)) {
      writeFileSync(file, bytes);
      utimesSync(file, MODIFIED, MODIFIED);
    }
    await send({ plan, bytes, value, file, log, req, res, next, upstream: this.#upstream, proxy: this.#proxy });
  }

  /** `plain`: the outcome of the same request without redaction; undefined if this is one. */
  async run(plan: Plan, plain?: Outcome): Promise<Outcome> {
    const body = bodyOf(plan);
    const bytes = CODINGS[plan.coding]!.encode(body.bytes);
    const id = String(this.#count++);
    const current: Case = { plan, body, bytes, log: new HandlerLog(), rejections: 0 };
    this.#cases.set(id, current);
    const headers = Object.entries({ Host: 'api.example.com', Connection: 'close', 'X-Case': id, ...plan.headers });
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const text = `${plan.method} /case?callback=cb HTTP/${plan.version}\r\n${lines}\r\n`;
    const stuckAfter = plain === undefined ? STUCK.plain : plain.client.isStuck ? STUCK.both : STUCK.guarded;
    const port = await this.#portOf(plan, plain !== undefined);
    const client = await ask(port, plan.method, { ...plan, text, stuckAfter });
    await this.#settle(current.log, plain?.log);
    this.#cases.delete(id);
    return {
      log: current.log,
      client,
      isRejected: current.rejections > 0 || client.body.includes('unredactable_response'),
    };
  }

  /** Callbacks and promises may come after the end of the connection. */
  async #settle(log: HandlerLog, plain: HandlerLog | undefined): Promise<void> {
    for (let i = 0; i < 10 || (i < ROUNDS && !log.isSettled(plain)); i++) await nextRound();
    // Longer only if something is missing.
    for (let i = 0; plain !== undefined && i < WAITS && !log.isSettled(plain); i++) await setTimeout(10);
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const pass: RequestHandler = (_req, _res, next) => next();
