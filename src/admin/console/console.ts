import type { Request, Response } from 'express';
import { KeyscopeError } from '../../errors';
import type { Console } from '../web-console';
import { type Assets, findAssets, readAssets } from './assets';
import { appPage, CONTENT_SECURITY_POLICY, notBuiltPage, signInPage } from './html';

/** Names hold a hash of what is in the file: what has been fetched once is never asked for again. */
const FOREVER = 'public, max-age=31536000, immutable';

function sendPage(req: Request, res: Response, html: string): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8');
  res.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  res.setHeader('Referrer-Policy', 'no-referrer');
  res.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  res.setHeader('X-Frame-Options', 'DENY');
  res.end(req.method === 'HEAD' ? undefined : html);
}

/**
 * Where the page is asked for without the slash at the end of its path, the path with it: what the page refers to is
 * relative. Itself relative, because a proxy in front may have taken something off the path. Null where the slash is
 * there.
 */
function withSlash(originalUrl: string): string | null {
  const [path = '', search] = originalUrl.split(/\?(.*)/s, 2);
  if (path.endsWith('/')) return null;
  return `./${path.slice(path.lastIndexOf('/') + 1)}/${search === undefined ? '' : `?${search}`}`;
}

/** The web page that people manage keys with. Its files are read at the first request, and kept. */
export function createConsole(): Console {
  let assets: Assets | null = null;

  function load(): Assets | null {
    if (assets !== null) return assets;
    const folder = findAssets();
    if (folder !== null) assets = readAssets(folder);
    return assets;
  }

  return {
    page(req, res, identity, { signInUrl }) {
      const built = load();
      const elsewhere = withSlash(req.originalUrl);
      if (built === null) {
        res.statusCode = 503;
        return sendPage(req, res, notBuiltPage());
      }
      if (elsewhere !== null) {
        res.statusCode = 307;
        res.removeHeader('WWW-Authenticate');
        res.setHeader('Location', elsewhere);
        res.end();
        return;
      }
      sendPage(req, res, identity === null ? signInPage(built, signInUrl) : appPage(built));
    },

    asset(req, res, path) {
      const asset = load()?.files.get(path);
      if (asset === undefined) throw new KeyscopeError('not_found', 'The console has no such file. Reload its page.');
      res.setHeader('Cache-Control', FOREVER);
      res.setHeader('ETag', asset.etag);
      if (req.headers['if-none-match'] === asset.etag) {
        res.statusCode = 304;
        res.end();
        return;
      }
      res.setHeader('Content-Type', asset.type);
      res.setHeader('Content-Length', asset.body.length);
      res.end(req.method === 'HEAD' ? undefined : asset.body);
    },
  };
}
