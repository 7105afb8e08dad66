import * as calls from './api/calls';
import { useApp } from './context';
import { useLoad } from './use-load';

/** Names of the metrics of a project. Until they are loaded, and if they cannot be read, those of all projects. */
export function useMetrics(projectId: string): readonly string[] {
  const { session, metrics } = useApp();
  const loaded = useLoad(`metrics ${projectId}`, async () =>
    session.metricsByProject ? calls.getMetrics(projectId) : null,
  );
  return loaded.data ?? metrics;
}
