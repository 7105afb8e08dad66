import type { ApiKey, ApiKeys, CreatedKey } from 'keyscope';
import type { Permission } from './api-keys';

/** Requests that partners have paid for. A window of a day or longer is a quota: beyond it, `quota_exceeded`. */
const PLANS = {
  trial: [{ limit: 3, window: '1d' }],
  standard: [
    { limit: 10, window: '1s' },
    { limit: 100_000, window: '30d' },
  ],
} as const;
export type Plan = keyof typeof PLANS;

export function createPartnerKey(
  apiKeys: ApiKeys<Permission>,
  partner: string,
  plan: Plan,
): Promise<CreatedKey<Permission>> {
  return apiKeys.keys.create({
    name: partner,
    permissions: ['calls'],
    rateLimit: PLANS[plan],
    owner: { kind: 'service', id: partner },
    metadata: { plan },
  });
}

/** Takes effect within a second. Windows of a length that both plans have continue to count. */
export function changePlan(apiKeys: ApiKeys<Permission>, id: string, plan: Plan): Promise<ApiKey<Permission>> {
  return apiKeys.keys.update(id, { rateLimit: PLANS[plan], metadata: { plan } }, { actor: 'billing' });
}
