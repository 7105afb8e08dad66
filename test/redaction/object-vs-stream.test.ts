import fc from 'fast-check';
import { type Features, NOTHING_ENABLED } from '../../src/features';
import { redactValue } from '../../src/redaction/object-redactor';
import type { ResolvedRedactOptions } from '../../src/redaction/options';
import type { PolicySource } from '../../src/redaction/policy';
import {
  anyFeatures,
  anyOptions,
  jsonText,
  jsonTextWithoutDuplicates,
  type Options,
  PROJECTS,
  pieceLengths,
  runs,
} from './fixtures';
import { filterInPieces, filterWhole } from './helpers';
import { type FeaturesOf, referenceRedaction } from './reference-implementation';

const EVERYTHING: Features = { transcript: true, metrics: 'all' };

function redacted(value: unknown, options: ResolvedRedactOptions, subject: PolicySource): unknown {
  const result = redactValue(value, options.fields, subject);
  if (result.needsText) throw new Error('plain data must not need text');
  return result.value;
}

/** Asking `expect` only if it has something to say: it takes longer than everything else here. */
function same(actual: string, expected: string): void {
  if (actual !== expected) expect(actual).toBe(expected);
}

/** Both halves against each other and against the reference, for one text. */
function agree(text: string, options: Options, subject: PolicySource, featuresOf: FeaturesOf, lengths: number[]): void {
  const { given, resolved } = options;
  const before = JSON.parse(text) as unknown;
  const expected = JSON.stringify(referenceRedaction(before, given, featuresOf));
  const unchanged = JSON.stringify(before);
  same(JSON.stringify(redacted(before, resolved, subject)), expected);
  same(JSON.stringify(before), unchanged);
  const bytes = Buffer.from(text);
  const whole = filterWhole(bytes, resolved.fields, subject, resolved.limits);
  same(JSON.stringify(JSON.parse(whole.toString())), expected);
  same(
    filterInPieces(bytes, lengths, resolved.fields, subject, resolved.limits).toString('latin1'),
    whole.toString('latin1'),
  );
}

/** Three a text: making texts takes the time. */
const three = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { minLength: 3, maxLength: 3 });

test('objects and bytes are redacted alike, and as the rules say, whatever the body, the options and the pieces', () => {
  fc.assert(
    fc.property(jsonText, three(fc.tuple(anyOptions, anyFeatures, pieceLengths)), (text, cases) => {
      for (const [options, features, lengths] of cases) agree(text, options, { features }, () => features, lengths);
    }),
    runs(6_000),
  );
});

test('each conversation follows its own project when projects are mixed, at any position of the member that names it', () => {
  const features = fc.tuple(anyFeatures, anyFeatures, anyFeatures);
  fc.assert(
    fc.property(jsonTextWithoutDuplicates, three(fc.tuple(anyOptions, features, pieceLengths)), (text, cases) => {
      for (const [options, byProject, lengths] of cases) {
        const featuresFor = (id: string) => byProject[PROJECTS.indexOf(id)] ?? NOTHING_ENABLED;
        const featuresOf = (id: unknown) => (typeof id === 'string' ? featuresFor(id) : NOTHING_ENABLED);
        agree(text, options, { featuresFor }, featuresOf, lengths);
      }
    }),
    runs(6_000),
  );
});

test('the text is the same, byte for byte, when everything is enabled', () => {
  fc.assert(
    fc.property(jsonText, anyOptions, pieceLengths, (text, { resolved }, lengths) => {
      const bytes = Buffer.from(text);
      const left = filterInPieces(bytes, lengths, resolved.fields, { features: EVERYTHING }, resolved.limits);
      same(left.toString('latin1'), bytes.toString('latin1'));
    }),
    runs(5_000),
  );
});

test('an indented text is as if what is left of it had been indented', () => {
  fc.assert(
    fc.property(jsonText, three(fc.tuple(anyOptions, anyFeatures, fc.constantFrom(1, 2, '\t'))), (text, cases) => {
      const value = JSON.parse(text) as unknown;
      for (const [{ resolved }, features, indent] of cases) {
        const indented = JSON.stringify(value, null, indent);
        const left = filterWhole(indented, resolved.fields, { features }, resolved.limits);
        same(left.toString(), JSON.stringify(redacted(value, resolved, { features }), null, indent));
      }
    }),
    runs(6_000),
  );
});
