import type { Key, Metrics } from '../api/types';

/** Error codes of requests with a key to a project's APIs. */
export type DenialCode = 'expired_key' | 'disabled_key' | 'agent_not_in_scope' | 'permission_denied';

/** The reasons why requests to all APIs are denied. */
export function generalDenials(key: Key, projectId: string, now: number): DenialCode[] {
  const isInScope = key.agents === 'all' || key.agents.includes(projectId);
  return [
    ...(key.expiresAt !== null && Date.parse(key.expiresAt) <= now ? (['expired_key'] as const) : []),
    ...(key.disabled ? (['disabled_key'] as const) : []),
    ...(isInScope ? [] : (['agent_not_in_scope'] as const)),
  ];
}

/** The known metrics that are enabled, and the others. */
export function splitMetrics(metrics: Metrics, known: readonly string[]) {
  if (metrics === 'all') return { enabled: known, others: [] };
  return { enabled: metrics, others: known.filter((name) => !metrics.includes(name)) };
}
