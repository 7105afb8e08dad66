import { randomBytes, timingSafeEqual } from 'node:crypto';
import express from 'express';
import type { PlatformData } from './data/platform-data';
import { type Closable, listen } from './listen';
import { parseFilter } from './query/filter';
import { find } from './query/find';
import { streamPage } from './stream-page';

/** Header that proves that a request comes from the app in front. */
export const UPSTREAM_SECRET_HEADER = 'x-upstream-secret';

export interface UpstreamAddress {
  readonly url: string;
  readonly secret: string;
}

/**
 * A service behind an API gateway: no keys, no configuration, nothing redacted. It listens on this machine only, and
 * accepts only requests with the secret that was generated for this start.
 */
export async function startUpstream(data: PlatformData): Promise<UpstreamAddress & Closable> {
  const secret = randomBytes(24).toString('base64url');
  const app = express();
  app.disable('x-powered-by');

  app.use(function requireSecret(req, res, next) {
    const given = Buffer.from(req.get(UPSTREAM_SECRET_HEADER) ?? '');
    if (given.length === secret.length && timingSafeEqual(given, Buffer.from(secret))) next();
    else res.sendStatus(403);
  });

  app.get('/v3/:account_id/:project_id/conversations', async function listConversations(req, res) {
    const project = data.project(req.params.project_id);
    if (project === undefined || project.workspaceId !== req.params.account_id) {
      res.sendStatus(404);
      return;
    }
    const page = find(project, data.conversationsOf(project), parseFilter(req.query, project));
    await streamPage(req, res, page);
  });

  const { port, close } = await listen(app, { host: '127.0.0.1', port: 0 });
  return { url: `http://127.0.0.1:${port}`, secret, close };
}
