import cors from 'cors';
import { type Request, Router } from 'express';
import type { ApiKeys, ApiKeysOptions } from 'keyscope';
import { OPTIONS, type Permission } from './api-keys';

/** The user name of `Authorization: Basic`, in which clients of the old system send their token. */
function tokenOfBasic(req: Request): string | undefined {
  const [, encoded] = /^Basic +(\S+)$/i.exec(req.get('authorization') ?? '') ?? [];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString().split(':', 1)[0];
}

/** A function as the last of several sources. Two different tokens in one request are still denied. */
export const OLD_CLIENT_OPTIONS = {
  ...OPTIONS,
  tokenSource: [{ header: 'x-api-key' }, tokenOfBasic],
} as const satisfies ApiKeysOptions<Permission>;

/** Routes that answer preflights themselves, behind `requireApiKey`: a preflight carries no token. */
export function createWidgetRoutes(apiKeys: ApiKeys<Permission>): Router {
  const routes = Router();
  routes.use(
    apiKeys.requireApiKey('calls', { agent: false, allowPreflight: true }),
    cors({ origin: 'https://partner.example.com', allowedHeaders: ['x-api-key', 'authorization'] }),
  );
  routes.get('/', (_req, res) => {
    res.json({ widgets: [] });
  });
  return routes;
}
