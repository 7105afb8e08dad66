import type * as OpenTelemetry from '@opentelemetry/api';
import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api';
import type { Events } from '../events';
import type { Store, StoreMode } from '../store/store';
import { timeStore } from './instrumented-store';

export type OpenTelemetryApi = typeof OpenTelemetry;

/**
 * True if the package itself is missing. If a module that it requires is missing, the installation is broken. The first
 * line of the message names the missing module; the files that require it can follow.
 */
function isMissing(error: unknown): boolean {
  // Some bundlers emit ES modules, which have no `require`, and leave this call as it is.
  if (error instanceof ReferenceError) return true;
  return String((error as { message?: unknown }).message)
    .split('\n', 1)[0]!
    .includes('@opentelemetry/api');
}

/** False for the empty stub that bundlers put in the place of a missing package. */
function isApi(loaded: unknown): loaded is OpenTelemetryApi {
  const { metrics, trace } = (loaded ?? {}) as Partial<OpenTelemetryApi>;
  return typeof metrics?.getMeterProvider === 'function' && typeof trace?.getTracerProvider === 'function';
}

/** The OpenTelemetry API, an optional peer dependency, or null if the app has not installed it. */
export function loadOpenTelemetry(): OpenTelemetryApi | null {
  try {
    const loaded: unknown = require('@opentelemetry/api');
    return isApi(loaded) ? loaded : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whether an SDK collects metrics. Without one, the API returns a shared meter that does nothing. */
export function collectsMetrics(api: OpenTelemetryApi): boolean {
  return api.metrics.getMeterProvider().getMeter('keyscope') !== api.createNoopMeter();
}

/** Whether an SDK collects traces. Without one, the API's provider has no delegate. */
export function collectsTraces(api: OpenTelemetryApi): boolean {
  const provider = api.trace.getTracerProvider() as { getDelegateTracer?: (name: string) => unknown };
  return provider.getDelegateTracer === undefined || provider.getDelegateTracer('keyscope') !== undefined;
}

const NAME = 'keyscope';
const MODES: readonly StoreMode[] = ['memory', 'tracking', 'per-entry', 'down'];
/** Seconds. A read of a near Redis takes a quarter of a millisecond; `storeTimeout` is half a second by default. */
const DURATIONS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export interface Telemetry {
  /** The store to use: the given one, instrumented if an SDK collects metrics. */
  readonly store: Store;
  close(): void;
}

function countEvents(meter: Meter, events: Events): void {
  const requests = meter.createCounter('keyscope.requests', {
    description: 'Requests by outcome: allowed, or denied with which code.',
    unit: '{request}',
  });
  const lookups = meter.createCounter('keyscope.cache.lookups', {
    description: 'Lookups of keys and project configurations in the cache, by outcome.',
    unit: '{lookup}',
  });
  const redacted = meter.createCounter('keyscope.responses.redacted', {
    description: 'Redacted responses, by features that are not enabled.',
    unit: '{response}',
  });
  const reported = meter.createCounter('keyscope.reported', {
    description: "Requests and responses on which `mode: 'report'` reported, by kind and outcome.",
    unit: '{report}',
  });
  const ended = meter.createCounter('keyscope.responses.ended', {
    description: 'Open responses and signals that ended because their key stopped being valid, by the reason.',
    unit: '{response}',
  });
  // No key ids in the attributes, because each would create a time series.
  events.on('authenticated', () => requests.add(1, { 'keyscope.outcome': 'allowed' }));
  events.on('denied', ({ code }) => requests.add(1, { 'keyscope.outcome': code }));
  events.on('reported', (event) =>
    reported.add(1, {
      'keyscope.kind': event.kind,
      ...(event.kind !== 'redacted' && { 'keyscope.outcome': event.code ?? 'allowed' }),
    }),
  );
  events.on('ended', ({ reason }) => ended.add(1, { 'keyscope.reason': reason }));
  events.on('cache', ({ subject, outcome }) =>
    lookups.add(1, { 'keyscope.cache.subject': subject, 'keyscope.cache.outcome': outcome }),
  );
  events.on('redacted', ({ withheld }) => redacted.add(1, { 'keyscope.withheld': withheld.join(',') }));
}

/** One series per mode, 1 for the current one. The sum over processes is the number of processes in each mode. */
function observeMode(meter: Meter, store: Store): () => void {
  const status = meter.createObservableUpDownCounter('keyscope.store.status', {
    description: 'Whether the store is in this mode: 1 or 0.',
    unit: '1',
  });
  function observe(result: ObservableResult): void {
    const { mode } = store.health();
    for (const each of MODES) result.observe(each === mode ? 1 : 0, { 'keyscope.store.mode': each });
  }
  status.addCallback(observe);
  return () => status.removeCallback(observe);
}

function timeOperations(meter: Meter, store: Store): Store {
  const duration = meter.createHistogram('keyscope.store.duration', {
    description: 'Duration of operations of the store.',
    unit: 's',
    advice: { explicitBucketBoundaries: DURATIONS },
  });
  return timeStore(store, function record(operation, seconds, error) {
    const attributes: Attributes = { 'keyscope.store.operation': operation };
    if (error !== null) attributes['error.type'] = error;
    duration.record(seconds, attributes);
  });
}

/** Adds the key and the outcome to the active span of the request. */
function describeSpans({ trace }: OpenTelemetryApi, events: Events): void {
  events.on('authenticated', ({ keyId, workspaceId }) => {
    trace.getActiveSpan()?.setAttributes({
      'keyscope.key.id': keyId,
      'keyscope.workspace.id': workspaceId,
      'keyscope.outcome': 'allowed',
    });
  });
  events.on('denied', ({ code, keyId, workspaceId }) => {
    trace.getActiveSpan()?.setAttributes({
      ...(keyId !== null && { 'keyscope.key.id': keyId }),
      ...(workspaceId !== null && { 'keyscope.workspace.id': workspaceId }),
      'keyscope.outcome': code,
    });
  });
}

/**
 * Records to OpenTelemetry if an SDK has been registered before this call. Otherwise it subscribes to no event. It uses
 * only public events, so that other metrics libraries can do the same.
 */
export function startTelemetry(store: Store, events: Events): Telemetry {
  const api = loadOpenTelemetry();
  if (api !== null && collectsTraces(api)) describeSpans(api, events);
  if (api === null || !collectsMetrics(api)) return { store, close() {} };
  const meter = api.metrics.getMeter(NAME);
  countEvents(meter, events);
  const close = observeMode(meter, store);
  return { store: timeOperations(meter, store), close };
}
