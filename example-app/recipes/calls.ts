import { Router } from 'express';
import type { ApiKeys } from 'keyscope';
import { z } from 'zod';
import type { Permission } from './api-keys';

const CALLS = [
  { id: 'c1', project: 'sales', seconds: 61, transcript: 'Hello. I would like to order.', metrics: { sentiment: 0.7 } },
  { id: 'c2', project: 'sales', seconds: 12, transcript: 'Sorry, wrong number.', metrics: { sentiment: 0.1 } },
  { id: 'c3', project: 'support', seconds: 95, transcript: 'It does not work.', metrics: { sentiment: 0.2 } },
];

const listQuery = z.object({ minSeconds: z.coerce.number().int().nonnegative().default(0) });

/** Calls of a project: limited to the key's projects, and redacted by the configuration of the project. */
export function createCallRoutes(apiKeys: ApiKeys<Permission>): Router {
  const routes = Router({ mergeParams: true });
  // On each route, not on the router: only these have the parameter `:project`.
  const requireCalls = apiKeys.requireApiKey('calls', { agent: 'project' });
  // A body is one call (`$`), or has a list of them. By default they are `conversations`, whose transcript is `turns`.
  const redact = apiKeys.redactResponse({ conversations: ['$', 'calls[*]'], transcript: 'transcript' });

  routes.get('/', requireCalls, redact, (req, res) => {
    const query = listQuery.safeParse(req.query);
    if (!query.success) {
      res.status(400).json({ title: z.prettifyError(query.error), status: 400 });
      return;
    }
    const { project } = req.params as { project: string };
    res.json({ calls: CALLS.filter((call) => call.project === project && call.seconds >= query.data.minSeconds) });
  });

  // Events until the client leaves or the key is revoked: a redacted stream ends with its key by itself.
  routes.get('/events', requireCalls, redact, (req, res) => {
    res.type('text/event-stream');
    const { project } = req.params as { project: string };
    for (const call of CALLS.filter((each) => each.project === project)) res.write(`data: ${JSON.stringify(call)}\n\n`);
    res.flush?.();
  });

  routes.get('/:id/audio', requireCalls, apiKeys.requireFeature('transcript'), (_req, res) => {
    res.type('audio/wav').send(Buffer.from('RIFF'));
  });
  return routes;
}
