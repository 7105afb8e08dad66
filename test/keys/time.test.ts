import vm from 'node:vm';
import { LAST_TIME } from '../../src/clock';
import { parseTime } from '../../src/keys/time';

test('a time is a Date, milliseconds, or ISO 8601 text that can mean only one moment', () => {
  const may = Date.UTC(2031, 4, 1);
  const times: [unknown, number][] = [
    [may, may],
    [new Date(may), may],
    [vm.runInNewContext(`new Date(${may})`), may],
    ['2031-05-01', may],
    ['2031-05-01T00:00Z', may],
    ['2031-05-01T00:00:00Z', may],
    ['2031-05-01T00:00:00.250Z', may + 250],
    ['2031-05-01T02:00:00+02:00', may],
    ['2028-02-29', Date.UTC(2028, 1, 29)],
    [LAST_TIME, LAST_TIME],
    ['9999-12-31T23:59:59.999Z', LAST_TIME],
  ];
  for (const [given, ms] of times) expect(parseTime(given)).toBe(ms);
});

test('parseTime returns null for local times, missing days and years after 9999', () => {
  const texts = [
    '',
    'tomorrow',
    '2031',
    '2031-05',
    '2031-05-01T12:00:00',
    '2031-05-01 12:00Z',
    '01/05/2031',
    '2031-5-1',
  ];
  const impossible = ['2031-02-29', '2031-02-31', '2031-13-01', '2031-00-10', '2031-05-01T25:00Z', '+012031-05-01'];
  const values = [
    Number.NaN,
    0.5,
    -1,
    LAST_TIME + 1,
    Number.POSITIVE_INFINITY,
    new Date(Number.NaN),
    null,
    true,
    {},
    1n,
  ];
  for (const given of [...texts, ...impossible, ...values, undefined, '1735689600000', ['2031-05-01']]) {
    expect(parseTime(given)).toBeNull();
  }
});
