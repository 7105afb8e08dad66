import { context, metrics, trace } from '@opentelemetry/api';
import type { Events as EventsType } from '../../src/events';
import { Events } from '../../src/events';
import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import type * as OpenTelemetryModule from '../../src/telemetry/opentelemetry';
import { startTelemetry, type Telemetry } from '../../src/telemetry/opentelemetry';
import { registerSdk } from './open-telemetry';

/** Starts telemetry when requiring the API throws this error. */
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

test('startTelemetry adds no listeners and returns the same store when no SDK is registered', () => {
  const events = new Events();
  const store = createMemoryStore();
  expect(startTelemetry(store, events).store).toBe(store);
  expect(listened(events)).toEqual([]);
});

test('startTelemetry adds listeners and observes the store until close() when an SDK is registered', async () => {
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

test('startTelemetry adds no listeners and returns the same store when the API is not installed', async () => {
  // Set by other parts of the test, which have an API of their own.
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
])('startTelemetry throws when the API is installed and broken, because %s', (_, error) => {
  expect(() => startWithout(error, createMemoryStore(), new Events())).toThrow(error.message);
});
