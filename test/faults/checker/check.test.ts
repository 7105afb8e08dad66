import { check, type Findings } from './check';
import type { Answer, History, KeyState, Outage, ProjectState, Promised, Rewind, Step } from './history';

const PROMISED: Promised = { maxRevocationLag: 1000, storeTimeout: 500, margin: 1000 };
const FAR = { from: 1e9, to: 1e9 };

const good = (name: string, more: Partial<NonNullable<KeyState>> = {}): KeyState => ({
  name,
  permissions: ['read', 'write'],
  disabled: false,
  expires: FAR,
  ...more,
});
const step = <S>(state: S, asked: number, known: number | null, atOnce?: boolean): Step<S> => ({
  state,
  asked,
  known,
  ...(atOnce ? { atOnce } : {}),
});
const nothing = step<KeyState>(null, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY);

function answer(began: number, more: Partial<Answer> = {}): Answer {
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
const lets = (began: number, name: string, more: Partial<Answer> = {}) =>
  answer(began, { shown: { name, transcript: false, metrics: [] }, ...more });
const refuses = (began: number, code: string, more: Partial<Answer> = {}) =>
  answer(began, { status: code === 'permission_denied' ? 403 : 401, code, ...more });
const unavailable = (began: number, more: Partial<Answer> = {}) =>
  answer(began, { status: 503, code: 'store_unavailable', ...more });

interface Story {
  readonly key?: Step<KeyState>[];
  readonly project?: Step<ProjectState>[];
  readonly outages?: Outage[];
  readonly rewinds?: Rewind[];
}

function judge(answers: Answer[], { key, project, outages = [], rewinds = [] }: Story): Findings {
  const history: History = {
    keys: new Map(key ? [['k', key]] : []),
    projects: new Map(project ? [['p', project]] : []),
    answers,
    outages,
    rewinds,
  };
  return check(history, PROMISED);
}
const rules = (answers: Answer[], story: Story) => judge(answers, story).violations.map(({ rule }) => rule);

describe('a deleted key', () => {
  const key = [nothing, step(good('v1'), 10, 20), step<KeyState>(null, 5000, 5010)];

  test('may be accepted until the promised time after the acknowledgement, and not later', () => {
    expect(rules([lets(4000, 'v1'), lets(5005, 'v1'), lets(6010, 'v1')], { key })).toEqual([]);
    expect(rules([lets(6011, 'v1')], { key })).toEqual(['stale']);
    expect(rules([lets(60_000, 'v1')], { key })).toEqual(['stale']);
  });

  test('may be refused from the moment at which its deletion was asked for, and not earlier', () => {
    expect(rules([refuses(4995, 'invalid_key'), refuses(7000, 'invalid_key')], { key })).toEqual([]);
    expect(rules([refuses(4994, 'invalid_key')], { key })).toEqual(['stale']);
  });

  test('is measured by how long after the acknowledgement it is still accepted', () => {
    expect(judge([lets(5005, 'v1'), lets(5300, 'v1')], { key })).toMatchObject({ worstLag: 290, late: 1 });
  });
});

describe('a good key', () => {
  const key = [nothing, step(good('v1'), 10, 20)];

  test('is never refused', () => {
    expect(rules([refuses(5000, 'disabled_key')], { key })).toEqual(['refused a good key']);
    expect(rules([refuses(5000, 'permission_denied')], { key })).toEqual(['refused a good key']);
    expect(rules([refuses(5000, 'invalid_key')], { key })).toEqual(['stale']);
  });

  test('works as soon as its creation is acknowledged, where nobody can have remembered that there is none', () => {
    const atOnce = [nothing, step(good('v1'), 10, 20, true)];
    expect(rules([refuses(21, 'invalid_key')], { key })).toEqual([]);
    expect(rules([refuses(21, 'invalid_key')], { key: atOnce })).toEqual(['stale']);
    expect(rules([refuses(19, 'invalid_key')], { key: atOnce })).toEqual([]);
  });

  test('is shown under a name that it has had', () => {
    expect(rules([lets(5000, 'v7')], { key })).toEqual(['made up']);
    expect(rules([lets(15, 'v1')], { key })).toEqual([]);
    expect(rules([lets(1, 'v1')], { key })).toEqual(['made up']);
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

  test('is judged by the state that is in force, or by one that was until a moment ago', () => {
    const answers = [
      lets(1000, 'v1'),
      refuses(2100, 'permission_denied'),
      lets(2100, 'v2', { route: 'write' }),
      refuses(2600, 'disabled_key'),
      lets(3000, 'v1'),
      refuses(3500, 'permission_denied'),
      refuses(9100, 'disabled_key'),
      lets(9100, 'v4'),
    ];
    expect(judge(answers, { key })).toMatchObject({ violations: [], worstLag: 990 });
  });

  test.each([
    ['an old name', lets(3011, 'v1')],
    ['an old permission', refuses(3511, 'permission_denied')],
    ['a permission that it no longer had', lets(3511, 'v2', { route: 'write' })],
    ['that it was disabled', refuses(10_011, 'disabled_key')],
  ])('fails for %s, too late', (_, late) => {
    expect(rules([late], { key })).toEqual(['stale']);
  });

  test('fails for a permission that the shown state does not have', () => {
    expect(rules([lets(2100, 'v2')], { key })).toEqual(['made up']);
  });
});

describe('a key that expires', () => {
  const key = [nothing, step(good('v1', { expires: { from: 5000, to: 5000 } }), 10, 20)];

  test('works until that moment and not after it', () => {
    expect(rules([lets(4900, 'v1'), refuses(5100, 'expired_key')], { key })).toEqual([]);
    expect(rules([lets(5100, 'v1')], { key })).toEqual(['made up']);
    expect(rules([refuses(4900, 'expired_key')], { key })).toEqual(['refused a good key']);
  });
});

describe('a change in doubt', () => {
  const open = [nothing, step(good('v1'), 10, 20), step(good('v2', { disabled: true }), 2000, null)];

  test('may have been made, or not, for as long as nobody knows', () => {
    expect(rules([lets(1000, 'v1'), lets(50_000, 'v1'), refuses(2001, 'disabled_key')], { key: open })).toEqual([]);
    expect(rules([refuses(60_000, 'disabled_key')], { key: open })).toEqual([]);
    expect(rules([refuses(1000, 'disabled_key')], { key: open })).toEqual(['refused a good key']);
  });

  test('counts as made once it has been seen', () => {
    const seen = [...open.slice(0, 2), step(good('v2', { disabled: true }), 2000, 8000)];
    expect(rules([lets(9000, 'v1')], { key: seen })).toEqual([]);
    expect(rules([lets(9001, 'v1')], { key: seen })).toEqual(['stale']);
  });

  test('is settled by the next change that is acknowledged', () => {
    const settled = [...open, step(good('v3'), 4000, 4010)];
    expect(rules([refuses(5010, 'disabled_key'), lets(5010, 'v1'), lets(5011, 'v3')], { key: settled })).toEqual([]);
    expect(rules([refuses(5011, 'disabled_key'), lets(5011, 'v1')], { key: settled })).toEqual(['stale', 'stale']);
  });
});

describe('a failover that may undo what was acknowledged', () => {
  // Deleted at 2000, which the new master never heard of; seen again at 6000.
  const back = [nothing, step(good('v1'), 10, 20), step<KeyState>(null, 2000, 2010), step(good('v1'), 1500, 6000)];
  const rewinds = [{ from: 1500, until: 6000 }];

  test('excuses old states until everything has been looked at', () => {
    const answers = [lets(3500, 'v1'), lets(6500, 'v1'), refuses(6500, 'invalid_key'), lets(7001, 'v1')];
    expect(rules(answers, { key: back, rewinds })).toEqual([]);
    expect(rules([refuses(7001, 'invalid_key')], { key: back, rewinds })).toEqual(['stale']);
  });

  test('excuses nothing where it was promised not to happen', () => {
    expect(rules([lets(3500, 'v1')], { key: back.slice(0, 3) })).toEqual(['stale']);
  });

  test('does not excuse what had been acknowledged long before', () => {
    const key = [...back.slice(0, 3), step<KeyState>(null, 1500, 6000)];
    expect(rules([lets(3500, 'v1')], { key, rewinds: [{ from: 2100, until: 6000 }] })).toEqual(['stale']);
  });
});

describe('a token that no key ever had', () => {
  test('is refused, always', () => {
    expect(rules([refuses(100, 'invalid_key', { key: null })], {})).toEqual([]);
    expect(rules([lets(100, 'v1', { key: null })], {})).toEqual(['let a stranger in']);
    expect(rules([refuses(100, 'disabled_key', { key: null })], {})).toEqual(['made up']);
  });
});

describe('an outage', () => {
  const key = [nothing, step(good('v1'), 10, 20)];
  const outages: Outage[] = [{ app: 0, frozen: false, from: 2000, until: 4000 }];

  test('excuses 503, in its time and for its process', () => {
    expect(rules([unavailable(1996), unavailable(3000), unavailable(4000)], { key, outages })).toEqual([]);
    expect(rules([unavailable(1990), unavailable(4001)], { key, outages })).toEqual(['unavailable', 'unavailable']);
    expect(rules([unavailable(3000, { app: 1 })], { key, outages })).toEqual(['unavailable']);
    expect(rules([unavailable(3000, { app: 1 })], { key, outages: [{ ...outages[0]!, app: null }] })).toEqual([]);
  });

  test('excuses no other failure', () => {
    expect(rules([answer(3000, { status: 500, code: 'internal_error' })], { key, outages })).toEqual(['not an answer']);
    expect(rules([answer(3000, { status: 0, code: 'ECONNRESET' })], { key, outages })).toEqual(['not an answer']);
    expect(rules([refuses(3000, 'invalid_key')], { key, outages })).toEqual(['stale']);
  });

  test('excuses no answer that comes late', () => {
    expect(rules([unavailable(2500, { ended: 4000 })], { key, outages })).toEqual([]);
    expect(rules([unavailable(2500, { ended: 4001 })], { key, outages })).toEqual(['slow']);
  });

  test('excuses a frozen process for the time in which its clock stands still', () => {
    const frozen: Outage[] = [{ app: 0, frozen: true, from: 2000, until: 7000 }];
    expect(rules([lets(2500, 'v1', { ended: 8500 })], { key, outages: frozen })).toEqual([]);
    expect(rules([lets(2500, 'v1', { ended: 8501 })], { key, outages: frozen })).toEqual(['slow']);
    expect(rules([lets(2500, 'v1', { ended: 8500, app: 1 })], { key, outages: frozen })).toEqual(['slow']);
  });

  test('does not excuse a process that wakes and believes what it knew', () => {
    const deleted = [...key, step<KeyState>(null, 3000, 3010)];
    const frozen: Outage[] = [{ app: 0, frozen: true, from: 2000, until: 7000 }];
    expect(rules([lets(3500, 'v1', { ended: 7100 })], { key: deleted, outages: frozen })).toEqual([]);
    expect(rules([lets(4500, 'v1', { ended: 7100 })], { key: deleted, outages: frozen })).toEqual(['stale']);
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
    answer(began, { shown: { name: 'v1', transcript, metrics } });

  test('lets out what is configured, or was until a moment ago', () => {
    expect(
      rules([shows(500, true, 'm1'), shows(3010, true, 'm1'), shows(2500, false, 'm2')], { key, project }),
    ).toEqual([]);
    expect(rules([shows(3011, true, 'm1')], { key, project })).toEqual(['stale']);
    expect(rules([shows(2500, true, 'm2')], { key, project })).toEqual(['made up']);
  });

  test('lets out nothing where its configuration cannot be known, and elsewhere that is counted', () => {
    const outages: Outage[] = [{ app: null, frozen: false, from: 4000, until: 5000 }];
    expect(judge([shows(4500, false)], { key, project, outages })).toMatchObject({ violations: [], withheld: 0 });
    expect(judge([shows(5500, false)], { key, project, outages })).toMatchObject({ violations: [], withheld: 1 });
  });
});

test('answers are counted, and the slowest told', () => {
  const key = [nothing, step(good('v1'), 10, 20)];
  const answers = [lets(100, 'v1'), lets(200, 'v1', { ended: 240 }), refuses(300, 'invalid_key', { key: null })];
  expect(judge(answers, { key })).toMatchObject({ slowest: 40, counts: { 200: 2, '401 invalid_key': 1 } });
});
