import { Router } from 'express';
import type { ApiKeys, GithubSecretScanningOptions } from 'keyscope';
import type { Permission } from './api-keys';

/**
 * Public routes for tokens that were found where they do not belong. Mount them before `express.json()`: GitHub signs the
 * bytes of the body.
 */
export function createLeakRoutes(
  apiKeys: ApiKeys<Permission>,
  publicKeys: GithubSecretScanningOptions['publicKeys'],
): Router {
  const routes = Router();
  routes.post('/github', apiKeys.githubSecretScanning({ publicKeys }));
  // POST /revoke, for everyone who holds a token.
  routes.use(apiKeys.revokeRouter({ rateLimit: { limit: 20, window: '1m' } }));
  return routes;
}
