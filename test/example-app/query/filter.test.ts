import { createDirectory } from '../../../example-app/data/directory';
import { writeCursor } from '../../../example-app/query/cursor';
import { type Filter, parseFilter } from '../../../example-app/query/filter';

const directory = createDirectory();
const project = directory.project('acme-team-4')!;

const WINDOW = 'start_time=2026-07-01&end_time=2026-08-01';

function parse(query: string): Filter {
  const parameters: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(query)) {
    const before = parameters[name];
    parameters[name] = before === undefined ? value : [before, value].flat();
  }
  return parseFilter(parameters, project);
}

test('parseFilter returns the first thousand live conversations when nothing is asked for', () => {
  expect(parse('')).toEqual({
    limit: 1000,
    page: { by: 'offset', offset: 0 },
    from: Number.NEGATIVE_INFINITY,
    until: Number.POSITIVE_INFINITY,
    environment: 'live',
    channels: null,
    variantId: null,
    variantName: null,
    inProgress: null,
    includeLatency: false,
    search: null,
    sample: false,
  });
});

test('parseFilter reads every parameter', () => {
  const filter = parse(
    'limit=1000&offset=10&client_env=pre-release&channel=WEBCHAT&channel=VOICE-SIP&variant_name=%E6%9D%B1%E4%BA%AC' +
      '&in_progress=false&include_latency=true&query_type=transcript&query=my%20order&turn_type=agent' +
      '&start_time=2026-07-01&end_time=2026-08-01T10:00:00%2B02:00',
  );
  expect(filter).toEqual({
    limit: 1000,
    page: { by: 'offset', offset: 10 },
    from: Date.UTC(2026, 6, 1),
    until: Date.UTC(2026, 7, 1, 8),
    environment: 'pre-release',
    channels: new Set(['webchat', 'voice-sip']),
    variantId: null,
    variantName: '東京',
    inProgress: false,
    includeLatency: true,
    search: { type: 'transcript', text: 'my order', speaker: 'agent' },
    sample: false,
  });
  expect(parse(`sample=random&${WINDOW}`).sample).toBe(true);
  expect(parse('variant_id=V1').variantId).toBe('V1');
  expect(parse('in_progress=True&include_latency=False')).toMatchObject({ inProgress: true, includeLatency: false });
});

test('a time without a zone is read as UTC', () => {
  expect(parse('start_time=2026-07-01T09:30').from).toBe(Date.UTC(2026, 6, 1, 9, 30));
  expect(parse('start_time=2026-07-01T09:30:15.123456').from).toBe(Date.UTC(2026, 6, 1, 9, 30, 15, 123));
});

test('a cursor wins over an offset', () => {
  expect(parse(`offset=7&cursor=${writeCursor(project, 40)}`).page).toEqual({ by: 'cursor', position: 40 });
});

test('undeclared parameters are ignored', () => {
  expect(parse('utm_source=mail&__proto__=1').limit).toBe(1000);
});

test.each([
  ['limit=0'],
  ['limit=1001'],
  ['limit=-1'],
  ['limit=1.5'],
  ['limit=1e3'],
  ['limit='],
  ['limit=%D9%A5'],
  ['limit=1&limit=2'],
  ['offset=-1'],
  ['offset=99999999999'],
  ['start_time=yesterday'],
  ['start_time=1753952400'],
  ['start_time=2026-13-01'],
  ['start_time=2026-02-30'],
  ['start_time=2026-08-01T10:00:00+02:00'],
  ['start_time=2026-08-01&start_time=2026-08-02'],
  ['start_time=2026-08-02&end_time=2026-08-01'],
  ['client_env=production'],
  ['client_env=live&client_env=sandbox'],
  ['channel=CHAT&channel='],
  ['in_progress=1'],
  ['include_latency=yes'],
  ['variant_id='],
  ['sample=all'],
  ['query_type=regex'],
  ['query=order'],
  [`query_type=transcript&${WINDOW}`],
  ['query_type=transcript&query=order'],
  ['query_type=semantic&query=order&start_time=2026-07-01'],
  [`query_type=transcript&query=&${WINDOW}`],
  [`query_type=transcript&query=order&sample=random&${WINDOW}`],
  [`query_type=semantic&query=order&turn_type=user&${WINDOW}`],
  ['turn_type=user'],
  [`query_type=transcript&query=order&turn_type=both&${WINDOW}`],
  ['cursor='],
  ['cursor=abc'],
  ['cursor=%00'],
  [`cursor=${writeCursor(project, 3)}=`],
  [`cursor=${writeCursor(project, 3)}&cursor=${writeCursor(project, 4)}`],
  [`cursor=${writeCursor(project, 2401)}`],
  [`cursor=${writeCursor(directory.project('acme-billing')!, 3)}`],
  [`cursor=${writeCursor(project, 3)}&sample=random&${WINDOW}`],
  ['sample=random'],
  ['sample=random&start_time=2026-07-01'],
  ['variant_id=V1&variant_name=default'],
])('%s is rejected', (query) => {
  expect(() => parse(query)).toThrow(
    expect.objectContaining({ status: 400, code: 'GET_CONVERSATIONS_FILTER_PARSE_ERROR' }),
  );
});

test('a string of more than 1000 characters is rejected', () => {
  expect(() => parse(`variant_name=${'x'.repeat(1001)}`)).toThrow('variant_name must be at most 1000 characters');
});

test('an error names everything that is wrong', () => {
  expect(() => parse('limit=0&client_env=moon')).toThrow(/limit must be .* client_env must be one of live/);
});
