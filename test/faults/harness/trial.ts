import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../support/wait-until';
import { check } from '../checker/check';
import type { Outage, Rewind, Time } from '../checker/history';
import type { AppReport } from './app';
import { type Fleet, PROMISED } from './app-processes';
import { now } from './clock';
import { Load } from './load';
import { Probe } from './probe';
import type { Random } from './random';
import type { Report } from './report';
import { World } from './world';
import { Mutator } from './writer';

/** What a fault needs to know and to say while it lasts. */
export interface Scene {
  readonly fleet: Fleet;
  readonly world: World;
  readonly mutator: Mutator;
  readonly random: Random;
  /** From now on requests may be answered 503, by one process or by all, until all serve again. */
  breaks(app: number | null): void;
  /** From now on the process answers nobody. Gives what to call when it goes on. */
  freezes(app: number): () => void;
  /** Whatever was acknowledged from now on, or a moment before, may be undone. */
  mayUndo(): void;
  /** For the summary. */
  note(text: string): void;
}

/** Something that goes wrong. */
export interface Fault {
  readonly name: string;
  /** Breaks, lets it be for about so long, and mends. Resolves when everything is whole. */
  run(scene: Scene, milliseconds: number): Promise<void>;
}

export interface RoundOptions {
  readonly faults: readonly { readonly fault: Fault; readonly after: number; readonly lasting: number }[];
  readonly random: Random;
  /** Several, so that their keys are on several nodes of a Cluster. */
  readonly workspaces: readonly string[];
  /** Another server may take the place of the one that acknowledged. */
  readonly failsOver?: boolean;
  /** … and may know less than that one did. */
  readonly mayLose?: boolean;
}

/** How long things go well before and after. */
const BEFORE = 700;
const AFTER = PROMISED.maxRevocationLag + 700;
/** Within which service must resume by itself, once nothing is broken any more. */
export const RESUME_WITHIN = 20_000;
/** How soon everything must be well when a round begins. */
const SETTLE_WITHIN = 40_000;
/** How much of what was acknowledged a replica may not have heard of. */
const REPLICATION_LAG = 1000;

/** Until every process serves keys of every workspace, several times in a row. Resolves with how long it took, or null. */
async function untilServed({ apps }: Fleet, world: World, load: Load): Promise<number | null> {
  const begin = now();
  let streak = 0;
  while (streak < 3) {
    const answers = await Promise.all(
      [...apps.keys()].flatMap((app) => {
        return world.workspaces.map((workspace) => {
          const key = world.witnesses.find((witness) => witness.workspace === workspace) ?? null;
          return load.ask(app, key, key?.token ?? 'none', workspace);
        });
      }),
    );
    streak = answers.some(({ status }) => status === 503 || status === 0) ? 0 : streak + 1;
    if (now() - begin > RESUME_WITHIN) return null;
    await sleep(30);
  }
  return now() - begin;
}

/** Until changes are heard of everywhere, where they can be. */
async function untilWell({ apps }: Fleet, after: string): Promise<void> {
  let reports: readonly AppReport[] = [];
  try {
    await waitUntil(
      'every process hears of changes',
      async () => {
        reports = await Promise.all(apps.map((app) => app.report()));
        return reports.every(({ mode }) => mode === 'tracking');
      },
      SETTLE_WITHIN,
    );
  } catch (error) {
    const told = reports.map(({ mode, modes, lastError }) =>
      JSON.stringify({ mode, lastError, modes: modes.slice(-6) }),
    );
    throw new Error([`${(error as Error).message} After: ${after}`, ...told].join('\n'), { cause: error });
  }
}

/** Runs processes, load, changes and faults together for a while, and judges everything that was answered. */
export async function runRound(fleet: Fleet, options: RoundOptions): Promise<Report> {
  const { faults, random, workspaces, failsOver = false, mayLose = false } = options;
  const name = faults.map(({ fault }) => fault.name).join(' + ') || 'nothing fails';
  await untilWell(fleet, `before ${name}`);
  const { apps } = fleet;
  const began = now();
  const world = new World(workspaces, random.fork());
  const load = new Load(apps, world, random.fork());
  const mutator = new Mutator({
    world,
    load,
    failsOver,
    mayLose,
    random: random.fork(),
    direct: fleet.direct,
    processes: apps.map((app) => app.order),
    maxRevocationLag: PROMISED.maxRevocationLag,
  });
  const outages: { -readonly [K in keyof Outage]: Outage[K] }[] = [];
  const notes: string[] = [];
  let undoneFrom: Time | null = null;

  const scene: Scene = {
    fleet,
    world,
    mutator,
    random: random.fork(),
    breaks(app) {
      outages.push({ app, frozen: false, from: now(), until: Number.POSITIVE_INFINITY });
    },
    freezes(app) {
      const outage = { app, frozen: true, from: now(), until: Number.POSITIVE_INFINITY };
      outages.push(outage);
      return () => {
        outage.until = now();
      };
    },
    mayUndo() {
      undoneFrom ??= now() - REPLICATION_LAG;
    },
    note: (text) => notes.push(text),
  };

  const probe = new Probe(fleet.ports);
  probe.start();
  await mutator.populate();
  load.start();
  mutator.start();
  const rewinds: Rewind[] = [];
  let resumedAfter: number | null = null;
  try {
    await sleep(BEFORE);
    await Promise.all(
      faults.map(async ({ fault, after, lasting }) => {
        await sleep(after);
        await fault.run(scene, lasting);
      }),
    );
    resumedAfter = await untilServed(fleet, world, load);
    if (resumedAfter !== null) for (const outage of outages) if (!outage.frozen) outage.until = now();
    if (undoneFrom !== null && mayLose) {
      await mutator.pause();
      await mutator.reconcile(undoneFrom);
      rewinds.push({ from: undoneFrom, until: now() });
    }
    await mutator.replaceWitnesses();
    mutator.start();
    await sleep(AFTER);
  } finally {
    await mutator.pause();
    await load.stop();
  }
  await untilWell(fleet, [name, ...notes].join('; '));

  const reports = await Promise.all(apps.map((app) => app.report()));
  const late = probe.stop();
  const stalls = reports.flatMap((report, app) =>
    report.stalls.filter(({ at, lasting }) => at + lasting > began).map((stall) => ({ app, ...stall })),
  );
  // On a busy machine servers and processes stand still without anybody's doing. No answer comes in time out of that, and
  // a promise about time says nothing of it; whatever was answered must be right all the same.
  const halts = stalls.map(({ app, at, lasting }) => ({ app, frozen: true, from: at, until: at + lasting }));
  const disturbances = [...outages, ...late, ...halts];

  const keys = new Map([...world.keys].map(([id, { course }]) => [id, course]));
  const { answers } = load;
  const findings = check({ keys, projects: world.knownProjects, answers, outages: disturbances, rewinds }, PROMISED);
  return {
    name,
    ...findings,
    took: now() - began,
    requests: answers.length,
    deeds: mutator.deeds,
    resumedAfter,
    modes: [...new Set(reports.flatMap(({ modes }) => modes.filter(({ at }) => at > began).map(({ mode }) => mode)))],
    stalls: stalls.map(({ app, at, lasting }) => ({ app, at: at - began, lasting })),
    serversLate: late.map(({ from, until }) => ({ at: from - began, lasting: until - from })),
    began,
    notes,
    ended: apps.flatMap((app, i) => (app.hasEnded ? [`process ${i} ended: ${app.output()}`] : [])),
  };
}
