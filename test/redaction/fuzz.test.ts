import { expresses } from '../support/express-versions';
import { runs } from './fixtures';
import { fuzz } from './fuzz/fuzz';

const [[, express5], [, express4]] = expresses as [(typeof expresses)[0], (typeof expresses)[0]];

/** `npm run fuzz` runs 50,000. */
const { numRuns: REQUESTS } = runs(300);

test('no handler gets an error, and no client a disabled field, because of redaction when requests are random', async () => {
  const { clean, rejected, failures } = await fuzz({ seed: 1, from: 0, requests: REQUESTS, express5, express4 });
  expect(failures).toEqual([]);
  expect(clean).toBeGreaterThan(REQUESTS / 50);
  expect(rejected).toBeGreaterThan(REQUESTS / 10);
}, 240_000);
