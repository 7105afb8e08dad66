import { context, metrics, trace } from '@opentelemetry/api';
import type { Events as EventsType } from '../../src/events';
import { Events } from '../../src/events';
import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import type * as OpenTelemetryModule from '../../src/telemetry/opentelemetry';
import { startTelemetry, type Telemetry } from '../../src/telemetry/opentelemetry';
import { registerSdk } from './open-telemetry';

/** Starts telemetry where requiring the API ends in this error. */
function startWithout(error: Error, store: Store, events: EventsType): Telemetry {
  let started: Telemetry | undefined;
  jest.isolateModules(() => {
    jest.doMock('@opentelemetry/api', () => {
      throw error;
    });
    try {
      const module = jest.requireActual<typeof OpenTelemetryModule>('../../src/telemetry/opentelemetry');
      started = module.startTelemetry(store, events);
    } finally {
      jest.dontMock('@opentelemetry/api');
    }
  });
  return started as Telemetry;
}

function missing(name: string): Error {
  return Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
}

const listened = (events: EventsType) =>
  (['authenticated', 'denied', 'redacted', 'cache', 'store', 'error'] as const).filter((name) =>
    events.hasListeners(name),
  );

afterEach(() => {
  trace.disable();
  metrics.disable();
  context.disable();
});

test('without an SDK, nobody listens and the store is left as it is', () => {
  const events = new Events();
  const store = createMemoryStore();
  expect(startTelemetry(store, events).store).toBe(store);
  expect(listened(events)).toEqual([]);
});

test('with an SDK, somebody does, and asks for the status of the store until it is closed', async () => {
  const sdk = registerSdk();
  const events = new Events();
  const store = createMemoryStore();
  const health = jest.spyOn(store, 'health');
  const telemetry = startTelemetry(store, events);
  expect(telemetry.store).not.toBe(store);
  expect(listened(events)).toEqual(['authenticated', 'denied', 'redacted', 'cache']);
  await sdk.valuesOf('keyscope.store.status');
  expect(health).toHaveBeenCalledTimes(1);
  telemetry.close();
  await sdk.valuesOf('keyscope.store.status');
  expect(health).toHaveBeenCalledTimes(1);
  await sdk.shutdown();
});

test('without the API, nobody listens and the store is left as it is', async () => {
  // Of others, who have an API of their own.
  const sdk = registerSdk();
  const events = new Events();
  const store = createMemoryStore();
  expect(startWithout(missing('@opentelemetry/api'), store, events).store).toBe(store);
  expect(listened(events)).toEqual([]);
  await sdk.shutdown();
});

test.each([
  ['something that it needs is not there', missing('@opentelemetry/semantic-conventions')],
  ['it throws', new TypeError('not a function')],
])('an API that is installed and broken, because %s, is told of', (_, error) => {
  expect(() => startWithout(error, createMemoryStore(), new Events())).toThrow(error.message);
});
