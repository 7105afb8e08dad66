import { ROUTES, type Stream, type Time } from '../checker/history';
import type { AppProcess } from './app-process';
import { now } from './clock';
import type { TrackedKey } from './model';
import type { Random } from './random';

/** Open streams of one process. The oldest makes room for a new one. */
const MAX_OPEN = 24;

/** Keeps streams of keys open at every process, and records the lines that arrive. */
export class Streams {
  /** Streams that were not denied. */
  readonly accepted: Stream[] = [];
  readonly #apps: readonly AppProcess[];
  readonly #random: Random;
  /** By process, functions that close the open streams, by key. */
  readonly #open: readonly Map<string, () => void>[];

  constructor(apps: readonly AppProcess[], random: Random) {
    this.#apps = apps;
    this.#random = random;
    this.#open = apps.map(() => new Map());
  }

  /** Opens a stream of a key at every process that has none. */
  open(key: TrackedKey, project: string): void {
    const route = this.#random.pick(key.lastKnown?.permissions ?? ROUTES);
    for (const [app, process] of this.#apps.entries()) {
      const open = this.#open[app]!;
      if (open.has(key.id)) continue;
      const [oldest] = open;
      if (open.size >= MAX_OPEN && oldest !== undefined) {
        open.delete(oldest[0]);
        oldest[1]();
      }
      const lines: Time[] = [];
      const stream = {
        ...{ app, key: key.id, route, project: `${key.workspace}/${project}` },
        ...{ began: now(), lines, endedAt: null as Time | null },
      };
      const close = process.open(`/stream/${route}/${key.workspace}/${project}`, key.token, {
        onLine: (line) => {
          if (lines.length === 0) this.accepted.push(stream);
          lines.push((JSON.parse(line) as { at: Time }).at);
        },
        onEnd: () => {
          stream.endedAt = now();
          open.delete(key.id);
        },
      });
      open.set(key.id, close);
    }
  }

  close(): void {
    for (const open of this.#open) {
      for (const close of open.values()) close();
      open.clear();
    }
  }
}
