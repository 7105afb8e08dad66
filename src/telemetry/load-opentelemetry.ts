import type * as OpenTelemetry from '@opentelemetry/api';

export type OpenTelemetryApi = typeof OpenTelemetry;

function isMissing(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // Of what it needs itself, something may be missing: that is a broken installation, and worth hearing of.
  return code === 'MODULE_NOT_FOUND' && String(message).includes("'@opentelemetry/api'");
}

/** The OpenTelemetry API where the app has installed it, null where not: it is an optional peer dependency. */
export function loadOpenTelemetry(): OpenTelemetryApi | null {
  try {
    return require('@opentelemetry/api') as OpenTelemetryApi;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whether an SDK collects metrics. Without one, the API gives everybody the same meter, which does nothing. */
export function collectsMetrics(api: OpenTelemetryApi): boolean {
  return api.metrics.getMeterProvider().getMeter('keyscope') !== api.createNoopMeter();
}

/** Whether an SDK collects traces. Without one, the API's provider delegates to nobody. */
export function collectsTraces(api: OpenTelemetryApi): boolean {
  const provider = api.trace.getTracerProvider() as { getDelegateTracer?: (name: string) => unknown };
  return provider.getDelegateTracer === undefined || provider.getDelegateTracer('keyscope') !== undefined;
}
