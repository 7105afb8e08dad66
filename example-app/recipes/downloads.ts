import { type Request, Router } from 'express';
import type { ApiKeys, ApiKeysOptions } from 'keyscope';
import { type Options, pinoHttp } from 'pino-http';
import { OPTIONS, type Permission } from './api-keys';

const PARAMETER = 'token';

/**
 * For programs that can only open a URL, such as spreadsheets: `/downloads/calls.csv?token=…`. A token in a URL ends up in
 * logs and histories, so keyscope warns when the app starts. Give these options to an `ApiKeys` for these routes alone: on the
 * same Redis, it accepts the same keys.
 */
export const DOWNLOAD_OPTIONS = {
  ...OPTIONS,
  tokenSource: { query: PARAMETER },
} as const satisfies ApiKeysOptions<Permission>;

/** pino-http logs the URL as it was received, before a route hides the token. */
export function createDownloadLog(options: Options) {
  return pinoHttp({
    ...options,
    serializers: {
      req: (req: { url: string }) => ({ ...req, url: req.url.replace(/\?.*$/s, ''), query: undefined }),
    },
  });
}

/** A file of all calls. `hideCredentials` removes the token from `req.url` for all that runs after it. */
export function createDownloadRoutes(apiKeys: ApiKeys<Permission>): Router {
  const routes = Router();
  routes.get(
    '/calls.csv',
    apiKeys.requireApiKey('calls', { agent: false, hideCredentials: true }),
    (req: Request, res) => {
      // The address of the page must not go to sites that the file links to.
      res.set('referrer-policy', 'no-referrer');
      res.type('text/csv').send(`id,seconds\nc1,61\n# ${req.originalUrl}\n`);
    },
  );
  return routes;
}
