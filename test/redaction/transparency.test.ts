import compression from 'compression';
import type { RequestHandler } from 'express';
import { expresses } from '../support/express-versions';
import { EXPRESS_WAYS } from './transparency/express-ways';
import { createFileWays } from './transparency/file-ways';
import { NODE_WAYS } from './transparency/node-ways';
import { type Server, startServer, type Way } from './transparency/observe';

const files = createFileWays();
const ways: readonly Way[] = [...EXPRESS_WAYS, ...NODE_WAYS, ...files.ways];
const EVERYTHING = { transcript: true, metrics: 'all' } as const;

afterAll(() => files.remove());

test('the ways have different names', () => {
  expect(new Set(ways.map(({ name }) => name)).size).toBe(ways.length);
});

const STACKS: readonly (readonly [string, readonly RequestHandler[]])[] = [
  ['alone', []],
  ['behind compression', [compression({ threshold: 0 })]],
];

/** By default each version of Express has one of the stacks. `TRANSPARENCY=all` runs all of them, in twice the time. */
const all = process.env.TRANSPARENCY === 'all';

describe.each(expresses.map((version, index) => [...version, index] as const))('%s', (_version, express, index) => {
  describe.each(STACKS.filter((_, stack) => all || stack === index % STACKS.length))('%s', (_stack, before) => {
    let plain: Server;
    let redacted: Server;

    beforeAll(async () => {
      plain = await startServer({ express, before });
      redacted = await startServer({ express, before, features: EVERYTHING });
    });
    afterAll(async () => {
      await plain.close();
      await redacted.close();
    });

    test.each(ways.map((way) => [way.name, way] as const))(
      'redactResponse changes nothing when everything is enabled: %s',
      async (_name, way) => {
        const [actual, expected] = await Promise.all([redacted.observe(way), plain.observe(way)]);
        expect(actual).toEqual(expected);
      },
    );
  });
});
