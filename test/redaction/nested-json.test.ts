import fc from 'fast-check';
import { redactValue } from '../../src/redaction/object-redactor';
import { type RedactOptions, resolveRedactOptions } from '../../src/redaction/options';
import type { PolicySource } from '../../src/redaction/policy';
import { pieceLengths, runs } from './fixtures';
import { filterInPieces, filterWhole } from './helpers';

const CLOSED: PolicySource = { features: { transcript: false, metrics: [] } };
const SECRET = 'said';

function redactions(body: string, options: RedactOptions, subject: PolicySource): (() => unknown)[] {
  const { fields, limits } = resolveRedactOptions(options);
  return [
    () => redactValue(JSON.parse(body), fields, subject),
    () => filterWhole(body, fields, subject, limits),
    () => filterInPieces(Buffer.from(body), [1], fields, subject, limits),
  ];
}

/** No JSON may begin with these, but some who read a text skip them. */
const SKIPPED = ['\\b', '\\f', '\\u0000', '\\u000b', '\\u00a0', '\u00a0', '\\ufeff', '\ufeff', '\u2028', '\u3000'];

const INNER = JSON.stringify({ turns: [SECRET] });
const WITHIN: RedactOptions = { conversations: 'data.items[*]', transcript: ['analysis.turns', 'turns'] };

test.each<[string, RedactOptions, unknown]>([
  ['the body', {}, INNER],
  ['the body, twice', {}, JSON.stringify(INNER)],
  ['an element of the body', {}, [INNER]],
  ['a conversation', {}, { conversations: [{}, INNER] }],
  ['a conversation in a list of its own', {}, { conversations: [[INNER]] }],
  ['the only conversation', {}, { conversations: INNER }],
  ['a conversation by name', {}, { conversations: { CA1: INNER } }],
  ['a list of conversations', {}, { conversations: `[${INNER}]` }],
  ['the parent of the list', WITHIN, { data: JSON.stringify({ items: [{ turns: [SECRET] }] }) }],
  ['the parent of the transcript', WITHIN, { data: { items: [{ analysis: INNER }] } }],
  ['a conversation behind a byte order mark', {}, { conversations: [`\ufeff${INNER}`] }],
  ['the body behind controls and wide spaces', {}, `\u0000\u000b\u00a0\u2029${INNER}`],
])(
  'a JSON string with a configured name is rejected as an object and as bytes when it stands for %s',
  (_, options, body) => {
    for (const redaction of redactions(JSON.stringify(body), options, CLOSED)) {
      expect(redaction).toThrow(expect.objectContaining({ code: 'unredactable_response' }));
    }
  },
);

test('a JSON string is kept when nothing would be redacted in its place', () => {
  const body = {
    note: INNER,
    conversations: [{ note: INNER, list: [INNER], turns: INNER, metrics: { a: INNER } }, 'x'],
  };
  const { fields, limits } = resolveRedactOptions();
  const expected = { note: INNER, conversations: [{ note: INNER, list: [INNER], turns: '', metrics: {} }, 'x'] };
  expect(redactValue(body, fields, CLOSED)).toMatchObject({ needsText: false, value: expected });
  expect(JSON.parse(filterWhole(JSON.stringify(body), fields, CLOSED, limits).toString())).toEqual(expected);
  const open: PolicySource = { features: { transcript: true, metrics: 'all' } };
  for (const redaction of redactions(JSON.stringify(INNER), {}, open)) expect(redaction).not.toThrow();
});

test('a string is rejected in every spelling if it is JSON with a name, and passes if it only begins like JSON', () => {
  const blank = fc.constantFrom(' ', '\\n', '\\r', '\\t', '\\u0020', '\\u0009', '\\u000a', '\\u000D', ...SKIPPED);
  const opening = fc.constantFrom('{', '\\u007b', '\\u007B');
  const name = fc.constantFrom('\\"turns\\"', '\\u0022turns\\u0022', '\\"\\u0074urns\\"', '\\"t\\\\u0075rns\\"');
  const other = fc.constantFrom(
    '',
    'x{',
    '\\\\{',
    '\\/[',
    '\u00e0{',
    '\u2027{',
    '\u{1f642}[',
    '\\ud83d\\ude42[',
    'é{',
    '\\u007c{',
    '[urgent] refund',
    '\\"vip\\" customer',
    '{name}',
    '[1, 2]',
    '{\\"turn\\": 1}',
    '[\\"turns\\"]',
  );
  const { fields, limits } = resolveRedactOptions();
  fc.assert(
    fc.property(
      fc.array(blank, { maxLength: 3 }),
      opening,
      name,
      other,
      pieceLengths,
      (blanks, json, member, close, lengths) => {
        const bodyWith = (text: string) => `{"conversations":["${blanks.join('')}${text}"]}`;
        const outcomeOf = (text: string) => {
          try {
            return filterInPieces(Buffer.from(bodyWith(text)), lengths, fields, CLOSED, limits).toString();
          } catch (error) {
            return (error as Error).message;
          }
        };
        // One comparison a run: an expectation costs more than the filter.
        expect([outcomeOf(`${json}${member}:[1]}`), outcomeOf(close)]).toEqual([
          expect.stringContaining('a string is JSON that contains a configured name'),
          bodyWith(close),
        ]);
      },
    ),
    runs(2_000),
  );
});
