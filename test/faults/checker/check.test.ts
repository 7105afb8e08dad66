import { check, type Findings } from './check';
import type { Exchange, History, KeyState, Limits, Outage, ProjectState, Rewind, Step } from './history';

const LIMITS: Limits = { maxRevocationLag: 1000, storeTimeout: 500, margin: 1000 };
const FAR = { from: 1e9, to: 1e9 };

const good = (name: string, more: Partial<NonNullable<KeyState>> = {}): KeyState => ({
  name,
  permissions: ['read', 'write'],
  disabled: false,
  expires: FAR,
  ...more,
});
const step = <S>(state: S, sentAt: number, knownAt: number | null, immediate?: boolean): Step<S> => ({
  state,
  sentAt,
  knownAt,
  ...(immediate ? { immediate } : {}),
});
const nothing = step<KeyState>(null, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY);

function exchange(began: number, more: Partial<Exchange> = {}): Exchange {
  return {
    app: 0,
    key: 'k',
    route: 'read',
    project: 'p',
    began,
    ended: began + 5,
    status: 200,
    code: null,
    shown: null,
    ...more,
  };
}
const accepted = (began: number, name: string, more: Partial<Exchange> = {}) =>
  exchange(began, { shown: { name, transcript: false, metrics: [] }, ...more });
const denied = (began: number, code: string, more: Partial<Exchange> = {}) =>
  exchange(began, { status: code === 'permission_denied' ? 403 : 401, code, ...more });
const unavailable = (began: number, more: Partial<Exchange> = {}) =>
  exchange(began, { status: 503, code: 'store_unavailable', ...more });

interface Story {
  readonly key?: Step<KeyState>[];
  readonly project?: Step<ProjectState>[];
  readonly outages?: Outage[];
  readonly rewinds?: Rewind[];
}

function judge(responses: Exchange[], { key, project, outages = [], rewinds = [] }: Story): Findings {
  const history: History = {
    keys: new Map(key ? [['k', key]] : []),
    projects: new Map(project ? [['p', project]] : []),
    responses,
    streams: [],
    outages,
    rewinds,
  };
  return check(history, LIMITS);
}
const rules = (responses: Exchange[], story: Story) => judge(responses, story).violations.map(({ rule }) => rule);

describe('a deleted key', () => {
  const key = [nothing, step(good('v1'), 10, 20), step<KeyState>(null, 5000, 5010)];

  test('check reports stale when a deleted key is accepted later than maxRevocationLag', () => {
    expect(rules([accepted(4000, 'v1'), accepted(5005, 'v1'), accepted(6010, 'v1')], { key })).toEqual([]);
    expect(rules([accepted(6011, 'v1')], { key })).toEqual(['stale']);
    expect(rules([accepted(60_000, 'v1')], { key })).toEqual(['stale']);
  });

  test('check reports stale when a key is denied before its deletion was sent', () => {
    expect(rules([denied(4995, 'invalid_key'), denied(7000, 'invalid_key')], { key })).toEqual([]);
    expect(rules([denied(4994, 'invalid_key')], { key })).toEqual(['stale']);
  });

  test('check measures the lag of a deleted key that is still accepted', () => {
    expect(judge([accepted(5005, 'v1'), accepted(5300, 'v1')], { key })).toMatchObject({ worstLag: 290, late: 1 });
  });
});

describe('a valid key', () => {
  const key = [nothing, step(good('v1'), 10, 20)];

  test('check reports a violation when a valid key is denied', () => {
    expect(rules([denied(5000, 'disabled_key')], { key })).toEqual(['valid key denied']);
    expect(rules([denied(5000, 'permission_denied')], { key })).toEqual(['valid key denied']);
    expect(rules([denied(5000, 'invalid_key')], { key })).toEqual(['stale']);
  });

  test('check reports stale when a new key is denied and its absence cannot be cached', () => {
    const immediate = [nothing, step(good('v1'), 10, 20, true)];
    expect(rules([denied(21, 'invalid_key')], { key })).toEqual([]);
    expect(rules([denied(21, 'invalid_key')], { key: immediate })).toEqual(['stale']);
    expect(rules([denied(19, 'invalid_key')], { key: immediate })).toEqual([]);
  });

  test('check reports unexplained when a response shows a name that the key never had', () => {
    expect(rules([accepted(5000, 'v7')], { key })).toEqual(['unexplained']);
    expect(rules([accepted(15, 'v1')], { key })).toEqual([]);
    expect(rules([accepted(1, 'v1')], { key })).toEqual(['unexplained']);
  });
});

describe('an edited key', () => {
  const key = [
    nothing,
    step(good('v1'), 10, 20),
    step(good('v2', { permissions: ['write'] }), 2000, 2010),
    step(good('v3', { disabled: true }), 2500, 2510),
    step(good('v4'), 9000, 9010),
  ];

  test('check allows the current state and states replaced within maxRevocationLag', () => {
    const responses = [
      accepted(1000, 'v1'),
      denied(2100, 'permission_denied'),
      accepted(2100, 'v2', { route: 'write' }),
      denied(2600, 'disabled_key'),
      accepted(3000, 'v1'),
      denied(3500, 'permission_denied'),
      denied(9100, 'disabled_key'),
      accepted(9100, 'v4'),
    ];
    expect(judge(responses, { key })).toMatchObject({ violations: [], worstLag: 990 });
  });

  test.each([
    ['an old name', accepted(3011, 'v1')],
    ['an old permission', denied(3511, 'permission_denied')],
    ['a permission that it no longer had', accepted(3511, 'v2', { route: 'write' })],
    ['an old disabled state', denied(10_011, 'disabled_key')],
  ])('check reports stale when a response shows %s after maxRevocationLag', (_, late) => {
    expect(rules([late], { key })).toEqual(['stale']);
  });

  test('check reports unexplained when the shown state lacks the permission', () => {
    expect(rules([accepted(2100, 'v2')], { key })).toEqual(['unexplained']);
  });
});

describe('a key that expires', () => {
  const key = [nothing, step(good('v1', { expires: { from: 5000, to: 5000 } }), 10, 20)];

  test('check allows a key until it expires and not after it', () => {
    expect(rules([accepted(4900, 'v1'), denied(5100, 'expired_key')], { key })).toEqual([]);
    expect(rules([accepted(5100, 'v1')], { key })).toEqual(['unexplained']);
    expect(rules([denied(4900, 'expired_key')], { key })).toEqual(['valid key denied']);
  });
});

describe('a change with unknown outcome', () => {
  const open = [nothing, step(good('v1'), 10, 20), step(good('v2', { disabled: true }), 2000, null)];

  test('check allows both states while the outcome is unknown', () => {
    expect(rules([accepted(1000, 'v1'), accepted(50_000, 'v1'), denied(2001, 'disabled_key')], { key: open })).toEqual(
      [],
    );
    expect(rules([denied(60_000, 'disabled_key')], { key: open })).toEqual([]);
    expect(rules([denied(1000, 'disabled_key')], { key: open })).toEqual(['valid key denied']);
  });

  test('check counts a change as applied when a later read shows it', () => {
    const seen = [...open.slice(0, 2), step(good('v2', { disabled: true }), 2000, 8000)];
    expect(rules([accepted(9000, 'v1')], { key: seen })).toEqual([]);
    expect(rules([accepted(9001, 'v1')], { key: seen })).toEqual(['stale']);
  });

  test('check allows neither state after a later change was acknowledged', () => {
    const settled = [...open, step(good('v3'), 4000, 4010)];
    expect(rules([denied(5010, 'disabled_key'), accepted(5010, 'v1'), accepted(5011, 'v3')], { key: settled })).toEqual(
      [],
    );
    expect(rules([denied(5011, 'disabled_key'), accepted(5011, 'v1')], { key: settled })).toEqual(['stale', 'stale']);
  });
});

describe('a failover that may lose acknowledged changes', () => {
  // Deleted at 2000. The new master never received that; seen again at 6000.
  const restored = [nothing, step(good('v1'), 10, 20), step<KeyState>(null, 2000, 2010), step(good('v1'), 1500, 6000)];
  const rewinds = [{ from: 1500, until: 6000 }];

  test('check allows old states until everything was read again', () => {
    const responses = [accepted(3500, 'v1'), accepted(6500, 'v1'), denied(6500, 'invalid_key'), accepted(7001, 'v1')];
    expect(rules(responses, { key: restored, rewinds })).toEqual([]);
    expect(rules([denied(7001, 'invalid_key')], { key: restored, rewinds })).toEqual(['stale']);
  });

  test('check reports stale when a failover must not lose changes', () => {
    expect(rules([accepted(3500, 'v1')], { key: restored.slice(0, 3) })).toEqual(['stale']);
  });

  test('check reports stale when the lost change was acknowledged long before the failover', () => {
    const key = [...restored.slice(0, 3), step<KeyState>(null, 1500, 6000)];
    expect(rules([accepted(3500, 'v1')], { key, rewinds: [{ from: 2100, until: 6000 }] })).toEqual(['stale']);
  });
});

describe('a token that no key ever had', () => {
  test('check reports a violation unless an unknown token is denied with invalid_key', () => {
    expect(rules([denied(100, 'invalid_key', { key: null })], {})).toEqual([]);
    expect(rules([accepted(100, 'v1', { key: null })], {})).toEqual(['unknown token accepted']);
    expect(rules([denied(100, 'disabled_key', { key: null })], {})).toEqual(['unexplained']);
  });
});

describe('an outage', () => {
  const key = [nothing, step(good('v1'), 10, 20)];
  const outages: Outage[] = [{ app: 0, frozen: false, from: 2000, until: 4000 }];

  test('check allows 503 only during an outage of the same process', () => {
    expect(rules([unavailable(1996), unavailable(3000), unavailable(4000)], { key, outages })).toEqual([]);
    expect(rules([unavailable(1990), unavailable(4001)], { key, outages })).toEqual(['unavailable', 'unavailable']);
    expect(rules([unavailable(3000, { app: 1 })], { key, outages })).toEqual(['unavailable']);
    expect(rules([unavailable(3000, { app: 1 })], { key, outages: [{ ...outages[0]!, app: null }] })).toEqual([]);
  });

  test('check reports other errors during an outage', () => {
    expect(rules([exchange(3000, { status: 500, code: 'internal_error' })], { key, outages })).toEqual([
      'unexpected response',
    ]);
    expect(rules([exchange(3000, { status: 0, code: 'ECONNRESET' })], { key, outages })).toEqual([
      'unexpected response',
    ]);
    expect(rules([denied(3000, 'invalid_key')], { key, outages })).toEqual(['stale']);
  });

  test('check reports slow responses during an outage', () => {
    expect(rules([unavailable(2500, { ended: 4000 })], { key, outages })).toEqual([]);
    expect(rules([unavailable(2500, { ended: 4001 })], { key, outages })).toEqual(['slow']);
  });

  test('check extends the deadline of a suspended process only', () => {
    const frozen: Outage[] = [{ app: 0, frozen: true, from: 2000, until: 7000 }];
    expect(rules([accepted(2500, 'v1', { ended: 8500 })], { key, outages: frozen })).toEqual([]);
    expect(rules([accepted(2500, 'v1', { ended: 8501 })], { key, outages: frozen })).toEqual(['slow']);
    expect(rules([accepted(2500, 'v1', { ended: 8500, app: 1 })], { key, outages: frozen })).toEqual(['slow']);
  });

  test('check reports stale when a process uses an old state after it was suspended', () => {
    const deleted = [...key, step<KeyState>(null, 3000, 3010)];
    const frozen: Outage[] = [{ app: 0, frozen: true, from: 2000, until: 7000 }];
    expect(rules([accepted(3500, 'v1', { ended: 7100 })], { key: deleted, outages: frozen })).toEqual([]);
    expect(rules([accepted(4500, 'v1', { ended: 7100 })], { key: deleted, outages: frozen })).toEqual(['stale']);
  });
});

describe('a project', () => {
  const key = [nothing, step(good('v1'), 10, 20)];
  const project: Step<ProjectState>[] = [
    step<ProjectState>(null, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY),
    step<ProjectState>({ transcript: true, metric: 'm1' }, 100, 110),
    step<ProjectState>({ transcript: false, metric: 'm2' }, 2000, 2010),
  ];
  const shows = (began: number, transcript: boolean, ...metrics: string[]) =>
    exchange(began, { shown: { name: 'v1', transcript, metrics } });

  test('check allows the current configuration and one replaced within maxRevocationLag', () => {
    expect(
      rules([shows(500, true, 'm1'), shows(3010, true, 'm1'), shows(2500, false, 'm2')], { key, project }),
    ).toEqual([]);
    expect(rules([shows(3011, true, 'm1')], { key, project })).toEqual(['stale']);
    expect(rules([shows(2500, true, 'm2')], { key, project })).toEqual(['unexplained']);
  });

  test('check counts responses with everything redacted unless a fault was active', () => {
    const outages: Outage[] = [{ app: null, frozen: false, from: 4000, until: 5000 }];
    expect(judge([shows(4500, false)], { key, project, outages })).toMatchObject({ violations: [], overRedacted: 0 });
    expect(judge([shows(5500, false)], { key, project, outages })).toMatchObject({ violations: [], overRedacted: 1 });
  });
});

test('check counts responses and reports the slowest', () => {
  const key = [nothing, step(good('v1'), 10, 20)];
  const responses = [
    accepted(100, 'v1'),
    accepted(200, 'v1', { ended: 240 }),
    denied(300, 'invalid_key', { key: null }),
  ];
  expect(judge(responses, { key })).toMatchObject({ slowest: 40, counts: { 200: 2, '401 invalid_key': 1 } });
});
