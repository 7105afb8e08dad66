import { type Request, Router } from 'express';
import type { ApiKeys } from 'keyscope';
import type { Permission } from './api-keys';

/** From either of the app's token sources. */
function tokenOf(req: Request): string {
  return req.get('x-api-key') ?? req.get('authorization')?.slice('Bearer '.length) ?? '';
}

/** Work that goes on after the response: it stops when the key is revoked. */
export function createExportRoutes(apiKeys: ApiKeys<Permission>): Router {
  const routes = Router();
  const states = new Map<string, 'running' | 'stopped'>();

  // `fresh`: reads the store for each request, so that a key revoked a moment ago cannot start an export.
  routes.post('/', apiKeys.requireApiKey('exports', { agent: false, fresh: true }), async (req, res) => {
    // The signal of the request is over with its response. This one is not counted as another request.
    const result = await apiKeys.verify(tokenOf(req), { permission: 'exports', rateLimit: false });
    if (!result.ok) {
      res.status(401).json({ title: 'The key has just ended.', status: 401 });
      return;
    }
    const id = `export-${states.size + 1}`;
    states.set(id, 'running');
    result.key.signal.addEventListener('abort', () => states.set(id, 'stopped'));
    res.status(202).json({ id });
  });

  // Not by the permission `exports`, whose limit is for starting them.
  routes.get('/:id', apiKeys.requireApiKey('calls', { agent: false }), (req, res) => {
    const state = states.get(req.params.id);
    if (state === undefined) res.status(404).json({ title: 'There is no such export.', status: 404 });
    else res.json({ id: req.params.id, state });
  });
  return routes;
}
