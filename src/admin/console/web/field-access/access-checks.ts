import type { Key, Metrics } from '../api/types';

/** What keeps a key from an API of a project. By the codes that requests are refused with. */
export type KeyObstacle = 'expired_key' | 'disabled_key' | 'agent_not_in_scope' | 'permission_denied';

/** The obstacles that stand before every API alike. */
export function generalObstacles(key: Key, projectId: string, now: number): KeyObstacle[] {
  const reaches = key.agents === 'all' || key.agents.includes(projectId);
  return [
    ...(Date.parse(key.expiresAt) <= now ? (['expired_key'] as const) : []),
    ...(key.disabled ? (['disabled_key'] as const) : []),
    ...(reaches ? [] : (['agent_not_in_scope'] as const)),
  ];
}

/** The metrics that come out and those that stay, of those that are known by name. */
export function splitMetrics(metrics: Metrics, known: readonly string[]) {
  if (metrics === 'all') return { out: known, kept: [] };
  return {
    out: metrics,
    kept: known.filter((name) => !metrics.includes(name)),
  };
}
