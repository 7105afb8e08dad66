import path from 'node:path';
import { MUTATIONS, mutate } from './mutations';
import { Source } from './world/load-source';

let code = '';
beforeAll(() => {
  new Source(path.join(__dirname, '../../src'), (bundled) => {
    code = bundled;
    return bundled;
  });
});

test.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
  'the mutation %s applies to the code as it is',
  (_name, mutation) => {
    expect(mutate(code, mutation)).not.toBe(code);
  },
);
