import { AsyncLocalStorage } from 'node:async_hooks';
import { type Attributes, type Context, context, metrics, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** Contexts that follow asynchronous calls, as in the SDK for Node. */
function createContextManager() {
  const storage = new AsyncLocalStorage<Context>();
  const manager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
      active: Context,
      fn: F,
      self?: ThisParameterType<F>,
      ...args: A
    ): ReturnType<F> {
      return storage.run(active, () => fn.call(self, ...args));
    },
    bind: <T>(_active: Context, target: T) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

/** OpenTelemetry's own SDKs, registered as an app does, with exporters that keep their input. */
export function registerSdk() {
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(meterProvider);
  const spanExporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] });
  trace.setGlobalTracerProvider(tracerProvider);
  context.setGlobalContextManager(createContextManager());

  async function pointsOf(name: string): Promise<DataPoint<unknown>[]> {
    metricExporter.reset();
    await reader.forceFlush();
    const found = metricExporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    return found.filter(({ descriptor }) => descriptor.name === name).flatMap(({ dataPoints }) => [...dataPoints]);
  }

  return {
    spanExporter,
    /** The value of a metric for each set of attributes, as `a=1 b=2`. */
    async valuesOf(name: string): Promise<Record<string, unknown>> {
      const text = (attributes: Attributes) =>
        Object.entries(attributes)
          .map((pair) => pair.join('='))
          .join(' ');
      return Object.fromEntries((await pointsOf(name)).map(({ attributes, value }) => [text(attributes), value]));
    },
    /** Everything that has been recorded, as text. */
    async dump(): Promise<string> {
      metricExporter.reset();
      await reader.forceFlush();
      const spans = spanExporter
        .getFinishedSpans()
        .map(({ name, attributes, events }) => ({ name, attributes, events }));
      return JSON.stringify([metricExporter.getMetrics(), spans]);
    },
    async shutdown() {
      trace.disable();
      metrics.disable();
      context.disable();
      await meterProvider.shutdown();
      await tracerProvider.shutdown();
    },
  };
}
