import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../support/wait-until';
import { check } from '../checker/check';
import type { Outage, Rewind, Time } from '../checker/history';
import type { AppReport } from './app';
import { type Deployment, LIMITS } from './app-processes';
import { now } from './clock';
import { Load } from './load';
import { Model } from './model';
import { Probe } from './probe';
import type { Random } from './random';
import type { Report } from './report';
import { Streams } from './streams';
import { Writer } from './writer';

/** Tools of an active fault, and its reports to the checker. */
export interface FaultContext {
  readonly deployment: Deployment;
  readonly model: Model;
  readonly writer: Writer;
  readonly random: Random;
  /** From now on 503 is a valid response of one process, or of all, until all serve again. */
  expectOutage(app: number | null): void;
  /** From now on the process does not respond. Returns a function to call when it continues. */
  expectFreeze(app: number): () => void;
  /** Changes acknowledged from now on, or a moment before, may be lost. */
  expectRollback(): void;
  /** Adds a line to the summary. */
  note(text: string): void;
}

/** A fault that a trial injects. */
export interface Fault {
  readonly name: string;
  /** Injects the fault, waits for about this long, and removes it. Resolves when everything works again. */
  run(context: FaultContext, milliseconds: number): Promise<void>;
}

export interface TrialOptions {
  readonly faults: readonly { readonly fault: Fault; readonly after: number; readonly lasting: number }[];
  readonly random: Random;
  /** Several, so that their keys are on several nodes of a Cluster. */
  readonly workspaces: readonly string[];
  /** Another server may take over from the one that acknowledged a change. */
  readonly failsOver?: boolean;
  /** And it may lack the latest changes. */
  readonly mayLose?: boolean;
}

/** Time without faults, before and after. Milliseconds. */
const BEFORE = 700;
const AFTER = LIMITS.maxRevocationLag + 700;
/** Time within which service must resume after the last fault. Milliseconds. */
const RESUME_WITHIN = 20_000;
/** Time within which every process must be in `tracking` mode when a trial begins. Milliseconds. */
const SETTLE_WITHIN = 40_000;
/** Age of the latest changes that a replica may lack. Milliseconds. */
const REPLICATION_LAG = 1000;

/** Waits until every process serves every workspace several times in a row. Resolves with the time taken, or null. */
async function waitUntilServed({ apps }: Deployment, model: Model, load: Load): Promise<number | null> {
  const begin = now();
  let streak = 0;
  while (streak < 3) {
    const responses = await Promise.all(
      [...apps.keys()].flatMap((app) => {
        return model.workspaces.map((workspace) => {
          const key = model.witnesses.find((witness) => witness.workspace === workspace) ?? null;
          return load.ask(app, key, key?.token ?? 'none', workspace);
        });
      }),
    );
    streak = responses.some(({ status }) => status === 503 || status === 0) ? 0 : streak + 1;
    if (now() - begin > RESUME_WITHIN) return null;
    await sleep(30);
  }
  return now() - begin;
}

/** Waits until every process is in `tracking` mode. */
async function waitUntilTracking({ apps }: Deployment, after: string): Promise<void> {
  let reports: readonly AppReport[] = [];
  try {
    await waitUntil(
      'every process is in tracking mode',
      async () => {
        reports = await Promise.all(apps.map((app) => app.report()));
        return reports.every(({ mode }) => mode === 'tracking');
      },
      SETTLE_WITHIN,
    );
  } catch (error) {
    const states = reports.map(({ mode, modes, lastError }) =>
      JSON.stringify({ mode, lastError, modes: modes.slice(-6) }),
    );
    throw new Error([`${(error as Error).message} After: ${after}`, ...states].join('\n'), { cause: error });
  }
}

/** Runs processes, load, changes and faults together, and checks every response. */
export async function runTrial(deployment: Deployment, options: TrialOptions): Promise<Report> {
  const { faults, random, workspaces, failsOver = false, mayLose = false } = options;
  const name = faults.map(({ fault }) => fault.name).join(' + ') || 'no fault';
  await waitUntilTracking(deployment, `before ${name}`);
  const { apps } = deployment;
  const began = now();
  const model = new Model(workspaces, random.fork());
  const streams = new Streams(apps, random.fork());
  const load = new Load(apps, model, random.fork(), streams);
  const writer = new Writer({
    model,
    load,
    failsOver,
    mayLose,
    random: random.fork(),
    direct: deployment.direct,
    processes: apps.map((app) => app.run),
    maxRevocationLag: LIMITS.maxRevocationLag,
  });
  const outages: { -readonly [K in keyof Outage]: Outage[K] }[] = [];
  const notes: string[] = [];
  let undoneFrom: Time | null = null;

  const context: FaultContext = {
    deployment,
    model,
    writer,
    random: random.fork(),
    expectOutage(app) {
      outages.push({ app, frozen: false, from: now(), until: Number.POSITIVE_INFINITY });
    },
    expectFreeze(app) {
      const outage = { app, frozen: true, from: now(), until: Number.POSITIVE_INFINITY };
      outages.push(outage);
      return () => {
        outage.until = now();
      };
    },
    expectRollback() {
      undoneFrom ??= now() - REPLICATION_LAG;
    },
    note: (text) => notes.push(text),
  };

  const probe = new Probe(deployment.ports);
  probe.start();
  await writer.populate();
  load.start();
  writer.start();
  const rewinds: Rewind[] = [];
  let resumedAfter: number | null = null;
  try {
    await sleep(BEFORE);
    await Promise.all(
      faults.map(async ({ fault, after, lasting }) => {
        await sleep(after);
        await fault.run(context, lasting);
      }),
    );
    resumedAfter = await waitUntilServed(deployment, model, load);
    if (resumedAfter !== null) for (const outage of outages) if (!outage.frozen) outage.until = now();
    if (undoneFrom !== null && mayLose) {
      await writer.pause();
      await writer.reconcile(undoneFrom);
      rewinds.push({ from: undoneFrom, until: now() });
    }
    await writer.replaceWitnesses();
    writer.start();
    await sleep(AFTER);
  } finally {
    await writer.pause();
    await load.stop();
    streams.close();
  }
  await waitUntilTracking(deployment, [name, ...notes].join('; '));

  const reports = await Promise.all(apps.map((app) => app.report()));
  const late = probe.stop();
  const stalls = reports.flatMap((report, app) =>
    report.stalls.filter(({ at, lasting }) => at + lasting > began).map((stall) => ({ app, ...stall })),
  );
  // On a busy machine servers and processes stall. Responses may then be late or 503; whatever else they are, they must be
  // correct.
  const halts = stalls.map(({ app, at, lasting }) => ({ app, frozen: true, from: at, until: at + lasting }));
  const disturbances = [...outages, ...late, ...halts];

  const keys = new Map([...model.keys].map(([id, { timeline }]) => [id, timeline]));
  const { responses } = load;
  const history = { keys, responses, streams: streams.accepted, outages: disturbances, rewinds };
  const findings = check({ ...history, projects: model.knownProjects }, LIMITS);
  return {
    name,
    ...findings,
    took: now() - began,
    requests: responses.length,
    changeCounts: writer.changeCounts,
    resumedAfter,
    modes: [...new Set(reports.flatMap(({ modes }) => modes.filter(({ at }) => at > began).map(({ mode }) => mode)))],
    stalls: stalls.map(({ app, at, lasting }) => ({ app, at: at - began, lasting })),
    slowServers: late.map(({ from, until }) => ({ at: from - began, lasting: until - from })),
    began,
    notes,
    ended: apps.flatMap((app, i) => (app.hasEnded ? [`process ${i} ended: ${app.output()}`] : [])),
  };
}
