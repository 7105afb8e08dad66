import { check } from './check';
import type { History, KeyState, Limits, Outage, Rewind, Step, Stream } from './history';

const LIMITS: Limits = { maxRevocationLag: 1000, storeTimeout: 500, margin: 1000 };
const FAR = { from: 1e9, to: 1e9 };
const good: KeyState = { name: 'v1', permissions: ['read', 'write'], disabled: false, expires: FAR };
const step = (state: KeyState, sentAt: number, knownAt: number | null): Step<KeyState> => ({ state, sentAt, knownAt });
const created = [step(null, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY), step(good, 10, 20)];

/** Lines every 50 ms until `last`, and its end, if the process ended it. */
function stream(last: number, more: Partial<Stream> = {}): Stream {
  const lines = Array.from({ length: Math.floor((last - 2000) / 50) }, (_, i) => 2000 + i * 50);
  return {
    app: 0,
    key: 'k',
    route: 'read',
    project: 'p',
    began: 1995,
    lines: [...lines, last],
    endedAt: null,
    ...more,
  };
}

interface Story {
  readonly key: Step<KeyState>[];
  readonly outages?: Outage[];
  readonly rewinds?: Rewind[];
}

function judge(streams: Stream[], { key, outages = [], rewinds = [] }: Story) {
  const history: History = {
    ...{ keys: new Map([['k', key]]), projects: new Map(), responses: [], streams, outages, rewinds },
  };
  return check(history, LIMITS);
}
const rules = (streams: Stream[], story: Story) => judge(streams, story).violations.map(({ rule }) => rule);

describe.each([
  ['is deleted', null],
  ['is disabled', { ...good, disabled: true }],
  ['loses the permission', { ...good, permissions: ['write' as const] }],
])('a stream of a key that %s', (_, state) => {
  const key = [...created, step(state, 5000, 5010)];

  test('check reports outlived when a line is written later than maxRevocationLag', () => {
    expect(rules([stream(6110, { endedAt: 6115 })], { key })).toEqual([]);
    expect(rules([stream(6111, { endedAt: 6115 })], { key })).toEqual(['outlived']);
    expect(rules([stream(60_000)], { key })).toEqual(['outlived']);
  });

  test('check measures the lag of the last line', () => {
    expect(judge([stream(5300, { endedAt: 5310 })], { key }).streams).toEqual({ opened: 1, ended: 1, worstLag: 290 });
  });

  test('check reports outlived when a stream goes on while the outcome of a later change is unknown', () => {
    expect(rules([stream(8000)], { key: [...key, step(good, 7000, null)] })).toEqual(['outlived']);
    expect(rules([stream(8000)], { key: [...created, step(state, 5000, null)] })).toEqual([]);
  });

  test('check allows a stream of a key that is valid again within maxRevocationLag', () => {
    expect(rules([stream(8000)], { key: [...key, step(good, 5500, 5510)] })).toEqual([]);
  });

  test('check allows lines during the first read after a pause of the process', () => {
    const outages = [{ app: 0, frozen: true, from: 4000, until: 8000 }];
    expect(rules([stream(4000, { lines: [4000, 8350] })], { key, outages })).toEqual([]);
    expect(rules([stream(4000, { lines: [4000, 8351] })], { key, outages })).toEqual(['outlived']);
    expect(rules([stream(4000, { lines: [4000, 8350], app: 1 })], { key, outages })).toEqual(['outlived']);
  });

  test('check allows lines of a stream that began during the pause', () => {
    const outages = [{ app: 0, frozen: true, from: 3, until: 2100 }];
    expect(rules([stream(2200, { endedAt: null })], { key: created, outages })).toEqual([]);
  });

  test('check allows lines of a stream that was accepted by a change made after it was requested', () => {
    const outages = [{ app: 0, frozen: true, from: 7000, until: 7200 }];
    const lines = { began: 7100, lines: [7250, 7300] };
    expect(rules([stream(7300, lines)], { key: [...key, step(good, 7150, 7160)], outages })).toEqual([]);
  });

  test('check reports outlived when the stream should have ended before the pause', () => {
    const outages = [{ app: 0, frozen: true, from: 6200, until: 8000 }];
    expect(rules([stream(4000, { lines: [8010] })], { key, outages })).toEqual(['outlived']);
  });

  test('check allows lines when a failover may have lost the change', () => {
    const story = { key: [...key, step(good, 4500, 9000)], rewinds: [{ from: 4500, until: 9000 }] };
    expect(rules([stream(9500)], story)).toEqual([]);
  });
});

test('check reports outlived when a line is written after the key expired', () => {
  const key = [created[0]!, step({ ...good, expires: { from: 5000, to: 5000 } }, 10, 20)];
  expect(rules([stream(5100, { endedAt: 5105 })], { key })).toEqual([]);
  expect(rules([stream(5101, { endedAt: 5105 })], { key })).toEqual(['outlived']);
});

test('check reports cut off when a stream of a valid key ends and no fault was active', () => {
  const outages = [{ app: 0, frozen: false, from: 3000, until: 4000 }];
  expect(rules([stream(5000)], { key: created })).toEqual([]);
  expect(rules([stream(5000, { endedAt: 5010 })], { key: created })).toEqual(['cut off']);
  expect(rules([stream(5000, { endedAt: 5010 })], { key: created, outages })).toEqual([]);
  expect(rules([stream(6005, { endedAt: 6010 })], { key: created, outages })).toEqual(['cut off']);
  expect(rules([stream(5000, { endedAt: 5010, app: 1 })], { key: created, outages })).toEqual(['cut off']);
});
