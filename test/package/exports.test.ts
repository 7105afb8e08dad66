import path from 'node:path';
import { unexportedTypes } from '../support/reachable-types';

const src = path.join(__dirname, '..', '..', 'src');

test('the package exports every type in the signatures of its exports', () => {
  expect(unexportedTypes([path.join(src, 'unaugmented.ts'), path.join(src, 'testing.ts')])).toEqual([]);
});

test('a type in a signature is reported when only functions use it', () => {
  const found = unexportedTypes([path.join(src, 'create-api-keys.ts')]);
  expect(found).toContain('api-keys.ts: ApiKeys');
  expect(found).toContain('keys/selection.ts: KeyFilterInput');
  // Only function bodies use it.
  expect(found).not.toContain('store/store.ts: Store');
});
