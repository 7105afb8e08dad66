import type { Features } from '../../src/features';
import { redactValue } from '../../src/redaction/object-redactor';
import { resolveRedactOptions } from '../../src/redaction/options';
import { restricts, withheldBy } from '../../src/redaction/policy';
import { filterWhole } from './helpers';

const { fields, limits } = resolveRedactOptions();

test('withheldBy names the features that are not enabled, or not entirely', () => {
  expect(withheldBy({ transcript: true, metrics: 'all' })).toEqual([]);
  expect(withheldBy({ transcript: false, metrics: 'all' })).toEqual(['transcript']);
  expect(withheldBy({ transcript: true, metrics: ['A'] })).toEqual(['metrics']);
  expect(withheldBy({ transcript: false, metrics: [] })).toEqual(['transcript', 'metrics']);
});

test('a body is unrestricted only where one project has everything enabled', () => {
  expect(restricts({ features: { transcript: true, metrics: 'all' } })).toBe(false);
  expect(restricts({ features: { transcript: true, metrics: ['A'] } })).toBe(true);
  expect(restricts({ features: { transcript: false, metrics: 'all' } })).toBe(true);
  expect(restricts({ featuresFor: () => ({ transcript: true, metrics: 'all' }) })).toBe(true);
});

test.each<[string, unknown]>([
  ['nothing at all', {}],
  ['words', { transcript: 'true', metrics: 'ALL' }],
  ['numbers', { transcript: 1, metrics: 1 }],
  ['objects', { transcript: {}, metrics: { A: true } }],
  ['null', { transcript: null, metrics: null }],
])('features that are %s where they should be something else enable nothing', (_, features) => {
  const body = { turns: [1], metrics: { A: 1 } };
  const nothing = { turns: [], metrics: {} };
  for (const subject of [{ features: features as Features }, { featuresFor: () => features as Features }]) {
    const named = 'features' in subject ? body : { project_id: 'P', ...body };
    const left = 'features' in subject ? nothing : { project_id: 'P', ...nothing };
    expect(restricts(subject)).toBe(true);
    expect(redactValue(named, fields, subject)).toMatchObject({ value: left });
    expect(filterWhole(JSON.stringify(named), fields, subject, limits).toString()).toBe(JSON.stringify(left));
  }
});
