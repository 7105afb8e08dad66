import { type RedactOptions, resolveRedactOptions } from '../../src/redaction/options';
import { parsePath } from '../../src/redaction/path-parser';

const refusal = (options: unknown) => {
  try {
    resolveRedactOptions(options as RedactOptions);
    return 'accepted';
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_options' });
    return (error as Error).message;
  }
};

describe('a path', () => {
  test.each([
    ['turns', ['turns']],
    ['analysis.turns', ['analysis', 'turns']],
    ['legs[*].turns', ['legs', null, 'turns']],
    ['a[*][*].b', ['a', null, null, 'b']],
    ['["na.me"]', ['na.me']],
    ['data["na.me"].x["[*]"]', ['data', 'na.me', 'x', '[*]']],
    ['["quote\\" and \\u0061"]', ['quote" and a']],
    ['$', []],
    ['$.a', ['a']],
    ['$[*]', [null]],
    ['$["a"]', ['a']],
    ['[*].a', [null, 'a']],
    ['größe.短い-name_1', ['größe', '短い-name_1']],
    ['__proto__', ['__proto__']],
  ])('%s is understood', (text, steps) => {
    expect(parsePath(text, 'it')).toEqual(steps);
  });

  test.each([
    ['', 'it is empty'],
    ['.a', 'a member name is expected at position 0'],
    ['a.', 'a member name is expected at position 2'],
    ['a..b', 'a member name is expected at position 2'],
    ['$.', 'a member name is expected at position 2'],
    ['$a', 'a dot or a bracket is expected at position 1'],
    ['a b', 'a dot or a bracket is expected at position 1'],
    ['a[0]', 'only [*] or ["name"] may stand in brackets, at position 1'],
    ["a['b']", 'only [*] or ["name"] may stand in brackets, at position 1'],
    ['a[', 'only [*] or ["name"] may stand in brackets, at position 1'],
    ['a[*', 'only [*] or ["name"] may stand in brackets, at position 1'],
    ['a["b\\x"]', '"b\\x" is not a JSON string'],
    ['a[*]b', 'a dot or a bracket is expected at position 4'],
    ['a.*', 'a member name is expected at position 2'],
    ['a.$', 'a member name is expected at position 2'],
    ['["\\ud800"]', 'it is not well-formed Unicode'],
    ['\ud800', 'it is not well-formed Unicode'],
  ])('%j is refused', (text, what) => {
    expect(() => parsePath(text, 'transcript[0]')).toThrow(
      `redactResponse: transcript[0] is ${JSON.stringify(text)}: ${what}. Paths look like turns, analysis.turns, ` +
        'legs[*].turns or data["na.me"].',
    );
  });
});

test('a request in the place of the options is rejected with the call that is missing', () => {
  expect(refusal({ headers: {}, url: '/' })).toBe(
    'redactResponse: Pass the middleware that redactResponse() returns, not redactResponse itself.',
  );
});

test('nothing needs to be given', () => {
  const { project, passthrough, limits, fields } = resolveRedactOptions();
  expect({ project, passthrough, limits }).toEqual({
    project: undefined,
    passthrough: [],
    limits: { depth: 1024, keyBytes: 65_536, heldBytes: 1_048_576 },
  });
  expect(fields.projectMember).toBe('project_id');
  expect(resolveRedactOptions({ transcript: undefined, limits: undefined })).toEqual(resolveRedactOptions({}));
});

test('a project is a parameter, a function of the request, or a member of each conversation', () => {
  const find = () => 'P1';
  expect(resolveRedactOptions({ project: 'project_id' }).project).toBe('project_id');
  expect(resolveRedactOptions({ project: { query: 'project_id' } }).project).toEqual({ query: 'project_id' });
  expect(resolveRedactOptions({ project: find }).project).toBe(find);
  const { project, fields } = resolveRedactOptions({ project: { member: 'projectId' } });
  expect([project, fields.projectMember]).toEqual([{ member: 'projectId' }, 'projectId']);
  for (const wrong of ['', 1, null, [], {}, { member: '' }, { member: 1 }]) {
    expect(refusal({ project: wrong })).toMatch(
      /^redactResponse: `project(?:\.member)?`: Expected a route parameter's/,
    );
  }
  expect(refusal({ project: { membr: 'x' } })).toMatch(/or a function of the request\. Received an object\.$/);
});

test('types that pass are written as media types', () => {
  expect(resolveRedactOptions({ passthrough: ['Audio/WAV', 'image/*'] }).passthrough).toEqual(['audio/wav', 'image/*']);
  for (const wrong of ['audio', '*/*', 'audio/wav; q=1', '', 1]) {
    expect(refusal({ passthrough: [wrong] })).toMatch(/^redactResponse: `passthrough\.0`: Expected a media type such/);
  }
  expect(refusal({ passthrough: 'audio/wav' })).toBe(
    'redactResponse: `passthrough`: Expected an array. Received "audio/wav".',
  );
});

test('limits are whole numbers of at least one, each of which may be left out', () => {
  expect(resolveRedactOptions({ limits: { depth: 5, heldBytes: undefined } }).limits).toEqual({
    depth: 5,
    keyBytes: 65_536,
    heldBytes: 1_048_576,
  });
  for (const wrong of [0, -1, 1.5, 61_440, Number.NaN, Number.POSITIVE_INFINITY, '5', null]) {
    expect(refusal({ limits: { depth: wrong } })).toMatch(
      /^redactResponse: `limits\.depth`: Expected a whole number from 1 to/,
    );
  }
  expect(refusal({ limits: { dept: 5 } })).toMatch(/`limits\.dept`: There is no such field\. Did you mean "depth"\?/);
  expect(refusal({ limits: 5 })).toMatch(
    /^redactResponse: `limits`: Expected an object; its fields are depth, .* Received 5\.$/,
  );
});

test.each([
  [{ transcripts: 'x' }, '`transcripts`: There is no such field. Did you mean "transcript"?'],
  [{ colour: 1 }, '`colour`: There is no such field. Accepted: conversations, transcript, metrics, metricAliases,'],
  [[], 'Expected an object; its fields are conversations, transcript, metrics,'],
  [null, 'Expected an object; its fields are conversations,'],
  ['turns', 'Expected an object; its fields are conversations,'],
  [{ transcript: 1 }, '`transcript`: Expected a path or an array of them. Received 1.'],
  [{ metrics: [1] }, '`metrics.0`: Expected a path. Received 1.'],
  [{ conversations: [] }, '`conversations`: Expected at least one entry; an empty array would redact nothing.'],
  [{ transcript: [] }, '`transcript`: Expected at least one entry'],
  [{ metrics: [] }, '`metrics`: Expected at least one entry'],
  [
    { formats: { 'a/b': 'xml' } },
    '`formats.a/b`: Accepted: "json", "ndjson", "json-seq", "sse", "jsonp". Received "xml".',
  ],
  [{ formats: { b: 'json' } }, '`formats.b`: Expected a media type such as audio/wav or image/*. Received "b".'],
  [{ textEvents: [''] }, '`textEvents.0`: '],
  [{ callerChoosesNames: 1 }, '`callerChoosesNames`: '],
  [{ transcript: 'a..b' }, 'transcript[0] is "a..b": a member name is expected at position 2.'],
  [{ transcript: '$' }, 'transcript[0] is "$", but it starts inside a conversation and must begin with a member'],
  [{ metrics: ['m', '$.m'] }, 'metrics[1] is "$.m", but it starts inside a conversation'],
  [{ transcript: '[*].a' }, 'transcript[0] is "[*].a", but it starts inside a conversation'],
  [{ transcript: 'metrics' }, 'the member "metrics" is claimed by both transcript and metrics; it can be only one'],
  [{ transcript: 'a[*].b', metrics: 'a.b' }, 'the member "a.b" is claimed by both transcript and metrics'],
  [{ metricAliases: { A: 'turns' } }, 'the member "turns" is claimed by both transcript and the alias of A'],
  [{ metricAliases: { A: 'x', B: ['y', 'x'] } }, 'the member "x" is claimed by both the alias of A and the alias of B'],
  [{ metricAliases: ['x'] }, '`metricAliases`: Expected an object. Received an array of 1.'],
  [{ metricAliases: { A: 1 } }, "`metricAliases.A`: Expected a member's name or an array of them. Received 1."],
  [{ metricAliases: { A: [] } }, '`metricAliases.A`: Expected at least one entry'],
  [{ metricAliases: { A: 'x.y' } }, 'metricAliases["A"][0] is "x.y", but must be the name of a top-level member'],
  [{ transcript: 'project_id' }, 'the member "project_id" names the project, so it cannot be redacted.'],
  [{ metricAliases: { A: 'pid' }, project: { member: 'pid' } }, 'the member "pid" names the project'],
])('%j is refused', (options, message) => {
  expect(refusal(options)).toContain(`redactResponse: ${message}`);
});

test('the same path twice, and a member inside another, are no contradiction', () => {
  expect(refusal({ transcript: ['turns', 'turns'], metrics: ['turns.metrics', 'metrics'] })).toBe('accepted');
});
