import { parseDuration } from '../../src/keys/time';

test('a duration is whole milliseconds, or a whole number and a unit', () => {
  const durations: [unknown, number][] = [
    ['90d', 7_776_000_000],
    ['12h', 43_200_000],
    ['30m', 1_800_000],
    ['45s', 45_000],
    ['2w', 1_209_600_000],
    ['250ms', 250],
    ['0d', 0],
    ['007s', 7000],
    [0, 0],
    [1500, 1500],
  ];
  for (const [given, ms] of durations) expect(parseDuration(given)).toBe(ms);
});

test('parseDuration returns null for anything that is no duration', () => {
  const others = [
    '',
    'd',
    '90',
    '90 d',
    ' 90d',
    '90d\n',
    '90D',
    '1.5h',
    '-1d',
    '+1d',
    '1e3s',
    '1y',
    '1M',
    '1d12h',
    '٣d',
  ];
  const values = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, null, undefined, true, {}, ['90d'], 10n];
  for (const given of [...others, ...values, `${2 ** 53}ms`, '9999999999999999w'])
    expect(parseDuration(given)).toBeNull();
});
