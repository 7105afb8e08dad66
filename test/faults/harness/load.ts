import { type Exchange, ROUTES, type Time } from '../checker/history';
import { type AppProcess, MAX_UNANSWERED, type Reply } from './app-process';
import { now } from './clock';
import type { Model, TrackedKey } from './model';
import type { Random } from './random';
import type { Streams } from './streams';

/** Interval of requests for focused keys, at each process. Milliseconds. */
const FOCUS_INTERVAL = 140;
/** Interval of all other requests. Milliseconds. */
const OTHER_INTERVAL = 40;
const TICK = 10;
/** Timeout for the last responses after all faults have ended. */
const DRAIN_TIMEOUT = 15_000;

interface Focus {
  until: Time;
  /** When the next request is due, by process. */
  readonly due: Time[];
}

interface Body {
  readonly name?: string;
  readonly turns?: readonly unknown[];
  readonly metrics?: Readonly<Record<string, string>>;
  readonly code?: string;
  readonly detail?: string;
}

function parse(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {};
  }
}

function codeOf({ status, error, retryAfter }: Reply, body: Body): string | null {
  if (status === 0) return error;
  if (status === 200) return null;
  // A 503 must have Retry-After.
  if (status === 503 && retryAfter === undefined) return `${body.code} without Retry-After`;
  return body.code ?? 'no code';
}

/** Sends requests to all processes, at a bounded rate, and records every exchange. Opens streams of the focused keys. */
export class Load {
  readonly responses: Exchange[] = [];
  readonly #apps: readonly AppProcess[];
  readonly #model: Model;
  readonly #random: Random;
  readonly #streams: Streams;
  readonly #focused = new Map<TrackedKey, Focus>();
  readonly #otherDue: Time[];
  readonly #unanswered: number[];
  #timer: NodeJS.Timeout | null = null;

  constructor(apps: readonly AppProcess[], model: Model, random: Random, streams: Streams) {
    this.#apps = apps;
    this.#model = model;
    this.#random = random;
    this.#streams = streams;
    this.#otherDue = apps.map(() => 0);
    this.#unanswered = apps.map(() => 0);
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK);
  }

  /** Sends no more requests, and waits for the last responses. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    const until = now() + DRAIN_TIMEOUT;
    while (this.#unanswered.some((count) => count > 0)) {
      if (now() > until) throw new Error(`Requests are still unanswered: ${this.#unanswered.join(', ')} by process.`);
      await new Promise((resolve) => setTimeout(resolve, TICK));
    }
  }

  /** Requests this key at every process repeatedly, until a time. */
  focus(key: TrackedKey, until: Time): void {
    const focus = this.#focused.get(key);
    if (focus !== undefined) {
      focus.until = Math.max(focus.until, until);
      return;
    }
    const due = this.#apps.map(() => now() + this.#random.between(0, FOCUS_INTERVAL));
    this.#focused.set(key, { until, due });
    this.#streams.open(key, this.#model.pickProject(key.workspace));
  }

  /** Sends one request for one key to one process. */
  async ask(app: number, key: TrackedKey | null, token: string, workspace: string): Promise<Exchange> {
    const route = this.#random.pick(ROUTES);
    const project = this.#model.pickProject(workspace);
    const process = this.#apps[app]!;
    this.#unanswered[app]! += 1;
    const began = now();
    const reply = await process.get(`/${route}/${workspace}/${project}`, token);
    const ended = now();
    this.#unanswered[app]! -= 1;
    const body = parse(reply.text);
    const shown =
      reply.status === 200 && body.name !== undefined
        ? { name: body.name, transcript: body.turns?.length === 1, metrics: Object.keys(body.metrics ?? {}) }
        : null;
    const exchange: Exchange = {
      app,
      key: key?.id ?? null,
      route,
      project: `${workspace}/${project}`,
      began,
      ended,
      status: reply.status,
      code: codeOf(reply, body),
      detail: body.detail,
      shown,
    };
    this.responses.push(exchange);
    return exchange;
  }

  #tick(): void {
    const at = now();
    for (const [key, { until }] of this.#focused) if (at > until) this.#focused.delete(key);
    for (const app of this.#apps.keys()) {
      for (const [key, { due }] of this.#focused) {
        if (at < due[app]!) continue;
        due[app] = at + this.#random.between(0.5, 1.5) * FOCUS_INTERVAL;
        this.#send(app, key, key.token, key.workspace);
      }
      if (at < this.#otherDue[app]!) continue;
      this.#otherDue[app] = at + this.#random.between(0.5, 1.5) * OTHER_INTERVAL;
      const { key, token, workspace } = this.#model.pickToken();
      this.#send(app, key, token, workspace);
    }
  }

  #send(app: number, key: TrackedKey | null, token: string, workspace: string): void {
    if (this.#unanswered[app]! < MAX_UNANSWERED) this.ask(app, key, token, workspace);
  }
}
