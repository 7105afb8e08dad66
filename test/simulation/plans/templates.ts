import { FAULTS } from './mixed';
import type { Sketch } from './sketch';

/** Aims a small schedule at one kind of window. Times and parameters are random. */
type Template = (sketch: Sketch) => void;

/** ioredis reconnects after 50 ms, and two round trips. */
const RECONNECT = 52;

/** A read's reply is on its way while the key changes. */
const slowRead: Template = (s) => {
  const { random } = s;
  if (random.chance(0.5)) s.tracking = 'refused';
  s.request({ at: s.lags(0, 0.5) }, s.victim, 1);
  s.slow({ on: s.on('read', 'arrived'), at: 0 }, 'app', 'toClient', s.storeTimeout * random.between(0.1, 1.02));
  s.revoke({ on: s.on('read', 'answered'), at: random.between(0, 1) }, 1);
  if (random.chance(0.4)) s.silenceFeed({ on: s.on('read', s.anyPhase()), at: random.between(0, 1) });
  s.requests(s.lags(0.1, 0.4), 2.6 * s.lag, 5, s.victim, 1);
};

/** A poll's replies come late, and the invalidation of a change does not come. */
const slowPoll: Template = (s) => {
  const { random } = s;
  const nth = random.pick([1, 2]);
  s.requests(0, 0.2 * s.lag, 2);
  const which = random.weighted([
    ['app', 3],
    ['feed', 1],
  ] as const);
  s.slow({ on: s.on('poll', 'sent', nth), at: 0 }, which, 'toClient', s.lags(0.1, 1));
  s.silenceFeed({
    on: s.on('poll', random.pick(['answered', 'received', 'received']), nth),
    at: random.between(0, 0.5),
  });
  s.revoke({ on: s.on('poll', random.pick(['answered', 'received']), nth), at: random.between(0, 2) });
  s.requests(0.3 * s.lag, 2.6 * s.lag, 5);
};

/** The event loop is blocked between the arrival of a reply and its handling, in one batch of events. */
const blockedBatch: Template = (s) => {
  const { random } = s;
  if (random.chance(0.2)) s.tracking = 'refused';
  s.request({ at: s.lags(0, 0.5) }, s.victim, 1);
  s.block({ on: s.on('read', random.pick(['arrived', 'answered'])), at: 0 }, s.lags(0.7, 2.5), random.chance(0.85));
  s.revoke({ on: s.on('read', 'answered'), at: random.chance(0.7) ? random.between(0, 1) : s.lags(0, 0.5) }, 1);
  if (random.chance(0.3)) s.silenceFeed({ on: s.on('read', s.anyPhase()), at: 0 });
  s.requests(0.5 * s.lag, 2.6 * s.lag, 4, s.victim, 1);
};

/** A machine sleeps, or its wall clock is set, while nothing is received. */
const clocks: Template = (s) => {
  const { random } = s;
  const begin = s.lags(0, 0.6);
  s.requests(0, 0.2 * s.lag, 2);
  if (random.chance(0.8)) s.silenceFeed({ at: Math.max(0, begin + s.lags(-0.1, 0.1)) });
  if (random.chance(0.5)) s.steps.push({ at: begin, kind: 'suspend', process: s.victim, duration: s.lags(0.5, 2.5) });
  else {
    const by = random.chance(0.75) ? -s.lags(0.3, 3) : s.lags(0.3, 3);
    s.steps.push({ at: begin, kind: 'clock', process: s.victim, by });
  }
  s.revoke({ at: begin + s.lags(-0.1, 0.8) });
  s.requests(begin, 3 * s.lag, 7);
};

/** The client's address leads to a replica for a moment, and the replica has not received the last change. */
const laggingReplica: Template = (s) => {
  const { random } = s;
  s.hasReplica = true;
  const key = random.below(2);
  const begin = s.lags(0.1, 0.6);
  s.steps.push({ at: Math.max(0, begin - s.lags(0, 0.3)), kind: 'stall', duration: RECONNECT + s.lags(1, 3) });
  const which = random.weighted([
    ['app', 4],
    ['all', 1],
    ['feed', 1],
    ['changes', 1],
  ] as const);
  const duration = random.chance(0.25) ? random.between(0.5, 60) : RECONNECT + s.lags(0.05, 2);
  s.steps.push({ at: begin, kind: 'flip', process: s.victim, which, duration });
  s.revoke({ at: Math.max(0, begin + (random.chance(0.5) ? random.between(-2, 60) : s.lags(-0.5, 0.8))) }, key);
  if (random.chance(0.5)) s.requests(begin, begin + RECONNECT + 10, 4, s.victim, key);
  if (random.chance(0.5)) s.request({ on: s.on('connect', 'received'), at: random.between(0, 1) }, s.victim, key);
  s.requests(begin, 3 * s.lag + 100, 5, s.victim, key);
};

/** The same, and the client is back before long. A key is read for the first time since its change while the client reconnects. */
const thereAndBack: Template = (s) => {
  const { random } = s;
  s.hasReplica = true;
  const key = random.below(2);
  const begin = s.lags(0.2, 0.6) + 5;
  s.steps.push({ at: random.between(0, 1), kind: 'stall', duration: begin + 4 * RECONNECT + s.lags(0, 1) });
  s.revoke({ at: random.chance(0.7) ? random.between(1, begin) : begin + random.between(0, RECONNECT) }, key);
  const duration = RECONNECT + random.between(0.5, 50);
  s.steps.push({ at: begin, kind: 'flip', process: s.victim, which: 'app', duration });
  s.requests(begin + 1, begin + RECONNECT + 2, 2, s.victim, key);
  if (random.chance(0.3)) s.request({ on: s.on('connect', 'received'), at: random.between(0, 1) }, s.victim, key);
  s.requests(begin + duration, begin + duration + 2 * s.lag, 4, s.victim, key);
};

/** Connections are lost near a change. */
const reconnect: Template = (s) => {
  const { random } = s;
  const key = random.below(2);
  s.requests(0, 0.4 * s.lag, 2, s.victim, key);
  const which = random.pick(['app', 'feed', 'feed', 'all'] as const);
  const when = s.anyWhen();
  s.reset(when, which, random.chance(0.2));
  if (random.chance(0.3)) s.reset(s.anyWhen(), random.pick(['app', 'feed'] as const));
  s.revoke(random.chance(0.6) ? { ...when, at: Math.max(0, when.at + random.between(-2, 60)) } : s.anyWhen(), key);
  if (random.chance(0.4)) s.slow(s.anyWhen(), random.pick(['app', 'feed'] as const), 'toClient', s.lags(0.1, 0.8));
  s.requests(0.2 * s.lag, 2.6 * s.lag, 7, s.victim, key);
};

/** A change is made, its reply is lost, another one follows, and the connection comes back. */
const lostReply: Template = (s) => {
  const { random, victim } = s;
  const isProject = random.chance(0.3);
  const first = random.pick(['enable', 'widen', 'disable', 'restrict', 'create'] as const);
  if (isProject) s.configure({ at: s.lags(0, 0.2) }, random.chance(0.7), victim);
  else s.change({ at: s.lags(0, 0.2) }, 0, victim, first);
  const sockets = random.pick(['all', 'changes', 'app'] as const);
  const change = (phase: 'sent' | 'arrived' | 'answered' | 'settled') => s.on('change', phase, 1, victim);
  if (random.chance(0.5)) {
    s.reset({ on: change(random.pick(['arrived', 'answered'])), at: random.between(0, 0.3) }, sockets);
  } else {
    const direction = random.pick(['toClient', 'toClient', 'toServer', 'both'] as const);
    s.blackhole({ on: change(random.pick(['sent', 'arrived', 'answered'])), at: 0 }, 'all', direction);
    s.reset({ on: change('settled'), at: random.chance(0.5) ? random.between(0, 5) : s.lags(0, 0.6) }, sockets);
  }
  if (isProject) s.configure({ on: change('sent'), at: random.between(0, 1) }, random.chance(0.3));
  else s.revoke({ on: change('sent'), at: random.between(0, 1) });
  s.requests(0.1 * s.lag, 2 * s.lag, 4, s.actor);
};

/** A change is on its way for long, while its caller has been told that its connection is lost, and another one is made. */
const lateChange: Template = (s) => {
  const { random, victim } = s;
  const isProject = random.chance(0.2);
  const first = random.pick(['enable', 'widen', 'disable', 'rotate', 'create', 'delete'] as const);
  if (isProject) s.configure({ at: s.lags(0, 0.2) }, random.chance(0.7), victim);
  else s.change({ at: s.lags(0, 0.2) }, 0, victim, first);
  const sent = s.on('change', 'sent', 1, victim);
  s.slow({ on: sent, at: 0 }, 'changes', 'toServer', s.storeTimeout * random.between(0.2, 1.5));
  if (random.chance(0.8))
    s.reset({ on: sent, at: random.between(0, 0.4) * s.storeTimeout }, random.pick(['changes', 'all'] as const), true);
  if (isProject) s.configure({ on: sent, at: random.between(0, 1) }, random.chance(0.3));
  else s.change({ on: sent, at: random.between(0, 1) }, 0, s.actor);
  if (random.chance(0.3)) s.change({ on: sent, at: random.between(0, 2) }, 0, s.actor);
  s.requests(0.1 * s.lag, 2 * s.lag, 3, s.actor);
};

/** The data of the server are replaced: SWAPDB, FLUSHALL, a restart, a failover. */
const replacedData: Template = (s) => {
  const { random } = s;
  s.requests(0, 0.3 * s.lag, 2);
  const when = random.chance(0.5) ? { at: s.lags(0, 0.8) } : s.anyWhen();
  const kind = random.weighted([
    ['swap', 4],
    ['restart', 3],
    ['failover', 3],
    ['flush', 1],
  ] as const);
  if (kind === 'swap') s.steps.push({ ...when, kind, duration: s.lags(0.3, 2.5) });
  else if (kind === 'flush') s.steps.push({ ...when, kind });
  else if (kind === 'restart') {
    const data = random.pick(['kept', 'lost', 'older'] as const);
    s.steps.push({ ...when, kind, duration: s.lags(0.01, 0.6), data, silently: random.chance(0.3) });
  } else {
    s.hasReplica = true;
    const delay = random.chance(0.5) ? 0 : s.lags(0, 1);
    s.steps.push({ ...when, kind, old: random.pick(['stopped', 'demoted']), delay, resets: random.chance(0.5) });
  }
  if (random.chance(0.7)) s.revoke(random.chance(0.5) ? { ...when, at: when.at + s.lags(0, 0.6) } : s.anyWhen());
  if (random.chance(0.3)) s.change(s.anyWhen());
  s.requests(0.3 * s.lag, 3 * s.lag, 7);
};

/** Clocks of machines differ, and a key is rotated. */
const rotation: Template = (s) => {
  const { random } = s;
  s.clockDifference = 5 * s.lag;
  s.requests(0, 0.4 * s.lag, 2);
  s.change({ at: s.lags(0.1, 0.6) }, 0, s.actor, 'rotate');
  if (random.chance(0.3)) s.change(s.anyWhen());
  s.requests(0.4 * s.lag, 2.6 * s.lag, 7);
};

/** A project is configured near a fault. */
const configuration: Template = (s) => {
  const { random } = s;
  for (let i = 0; i < 3; i++) s.request({ at: s.lags(0, 0.5) }, s.victim, 0, 'transcript');
  const when = s.anyWhen();
  s.configure(when, random.chance(0.2));
  if (random.chance(0.4)) s.configure(s.anyWhen());
  if (random.chance(0.7)) s.silenceFeed(random.chance(0.5) ? when : s.anyWhen());
  if (random.chance(0.3)) s.slow(s.anyWhen(), 'app', 'toClient', s.lags(0.1, 1));
  for (let i = 0; i < 6; i++) s.request({ at: s.lags(0.3, 2.6) }, s.victim, 0, 'transcript');
};

/** A lease ends a moment before or after a request. */
const leaseEnd: Template = (s) => {
  const { random } = s;
  s.requests(0, 0.2 * s.lag, 2);
  s.silenceFeed({ on: s.on('poll', 'received'), at: random.between(0, 0.3) });
  s.revoke({
    on: s.on('poll', random.pick(['answered', 'received'])),
    at: random.chance(0.6) ? random.between(0, 1) : s.lags(0, 1),
  });
  for (let i = 0; i < 4; i++) s.request({ on: s.on('poll', 'sent'), at: s.lag + random.between(-1, 1.5) });
  s.requests(1.2 * s.lag, 2.4 * s.lag, 3);
};

/** The server does nothing for a while. */
const frozenServer: Template = (s) => {
  s.requests(0, 0.4 * s.lag, 3);
  s.steps.push({ ...s.anyWhen(), kind: 'freeze', server: 0, duration: s.lags(0.1, 2) });
  s.revoke(s.anyWhen());
  if (s.random.chance(0.5)) s.change(s.anyWhen());
  s.requests(0.3 * s.lag, 2.8 * s.lag, 6);
};

/** Anything at any moment. */
const mixture: Template = (s) => {
  const { random, processes, lag } = s;
  s.hasReplica = random.chance(0.4);
  s.tracking = random.chance(0.1) ? 'refused' : 'allowed';
  const key = random.below(2);
  s.requests(0, 0.5 * lag, 3, s.victim, key);
  for (let i = 1 + random.below(2); i > 0; i--) {
    const when = s.anyWhen();
    for (const step of random.weighted(FAULTS)(random, lag, { processes, hasReplica: s.hasReplica, lag }))
      s.steps.push({ ...step, on: when.on, at: Math.max(0, when.at + step.at - lag) });
  }
  for (let i = 1 + random.below(3); i > 0; i--) {
    if (random.chance(0.2)) s.configure(s.anyWhen());
    else s.change(s.anyWhen(), random.chance(0.8) ? key : 1 - key, random.below(processes));
  }
  s.request(s.anyWhen(), s.victim, 1 - key);
  for (let i = 0; i < 6; i++) s.requests(0.2 * lag, 3 * lag, 1, random.below(processes), key);
};

export const TEMPLATES: readonly (readonly [name: string, template: Template, weight: number])[] = [
  ['slow read', slowRead, 2],
  ['slow poll', slowPoll, 2],
  ['blocked batch', blockedBatch, 2],
  ['clocks', clocks, 2],
  ['lagging replica', laggingReplica, 2],
  ['there and back', thereAndBack, 2],
  ['reconnect', reconnect, 3],
  ['lost reply', lostReply, 2],
  ['late change', lateChange, 2],
  ['replaced data', replacedData, 2],
  ['rotation', rotation, 1],
  ['configuration', configuration, 1],
  ['lease end', leaseEnd, 1],
  ['frozen server', frozenServer, 1],
  ['mixture', mixture, 6],
];
