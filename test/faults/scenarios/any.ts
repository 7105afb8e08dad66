import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../harness/trial';

/** For all processes together. */
const FORGED_PER_SECOND = 20_000;

/** SIGSTOP: a process is suspended and continues later, as after a closed lid or a long garbage collection. */
export const appFrozen: Fault = {
  name: 'a process frozen',
  async run({ deployment: { apps }, expectFreeze, random, note }, milliseconds) {
    const app = random.pick([...apps.keys()]);
    note(`process ${app} frozen`);
    const thaws = expectFreeze(app);
    apps[app]!.freeze();
    await sleep(milliseconds);
    thaws();
    apps[app]!.thaw();
  },
};

/** Well-formed tokens that no key ever had, all different, in addition to the other requests. */
export const flooded: Fault = {
  name: '20,000 forged tokens a second',
  async run({ deployment: { apps }, model, note }, milliseconds) {
    const command = { workspaces: model.workspaces, perSecond: FORGED_PER_SECOND / apps.length, milliseconds };
    const results = await Promise.all(apps.map((app) => app.flood(command)));
    const outcomes: Record<string, number> = {};
    for (const result of results) {
      for (const [code, count] of Object.entries(result.outcomes)) outcomes[code] = (outcomes[code] ?? 0) + count;
    }
    const took = Math.max(...results.map((result) => result.took));
    const sent = results.reduce((sum, result) => sum + result.sent, 0);
    note(`${sent} forged tokens in ${(took / 1000).toFixed(1)} s: ${JSON.stringify(outcomes)}`);
    if ('accepted' in outcomes) throw new Error('A forged token was accepted.');
  },
};
