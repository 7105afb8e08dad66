import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../harness/trial';

/** All processes together. */
const FORGED_PER_SECOND = 20_000;

/** A process stops in its tracks, and goes on later as if nothing had been: SIGSTOP, a closed lid, a long collection. */
export const appFrozen: Fault = {
  name: 'a process frozen',
  async run({ fleet: { apps }, freezes, random, note }, milliseconds) {
    const app = random.pick([...apps.keys()]);
    note(`process ${app} frozen`);
    const thaws = freezes(app);
    apps[app]!.freeze();
    await sleep(milliseconds);
    thaws();
    apps[app]!.thaw();
  },
};

/** Well-formed tokens that no key ever had, all different, beside everything else. */
export const flooded: Fault = {
  name: '20,000 forged tokens a second',
  async run({ fleet: { apps }, world, note }, milliseconds) {
    const order = { workspaces: world.workspaces, perSecond: FORGED_PER_SECOND / apps.length, milliseconds };
    const results = await Promise.all(apps.map((app) => app.flood(order)));
    const outcomes: Record<string, number> = {};
    for (const result of results) {
      for (const [code, count] of Object.entries(result.outcomes)) outcomes[code] = (outcomes[code] ?? 0) + count;
    }
    const took = Math.max(...results.map((result) => result.took));
    const sent = results.reduce((sum, result) => sum + result.sent, 0);
    note(`${sent} forged tokens in ${(took / 1000).toFixed(1)} s: ${JSON.stringify(outcomes)}`);
    if ('let in' in outcomes) throw new Error('A forged token was let in.');
  },
};
