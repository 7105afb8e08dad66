import { setImmediate as nextTurn } from 'node:timers/promises';
import { OpenResponses } from '../../../src/redaction/response/open-responses';

test('OpenResponses checks a thousand responses in slices, and each that is over once', async () => {
  let elapsed = 0;
  let checks = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => elapsed);
  const open = new OpenResponses(1);
  const check = () => {
    elapsed += 1;
    checks += 1;
    return false;
  };
  for (let i = 0; i < 1000; i++) open.add({ place: -1, check });
  let largest = 0;
  for (let last = 0; checks < 1000; last = checks) {
    await nextTurn();
    largest = Math.max(largest, checks - last);
  }
  await nextTurn();
  expect(checks).toBe(1000);
  expect(largest).toBeLessThan(10);
  jest.restoreAllMocks();
});
