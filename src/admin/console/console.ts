import type { Request, Response } from 'express';
import { KeyscopeError } from '../../errors';
import type { Operator } from '../handler';
import { type Assets, findAssets, readAssets } from './assets';
import { appPage, CONTENT_SECURITY_POLICY, notBuiltPage, signInPage } from './html';

/** Links of the page to other pages of the app. */
export interface ConsoleLinks {
  /** The app's sign-in page, or null if the app has not set one. */
  readonly signInUrl: string | null;
}

/** The web console, served under the same mount path as the REST operations. */
export interface Console {
  /**
   * Sends the page, for `GET` and `HEAD` of the mount path. `operator` is null if the request is not signed in; the
   * status is 401 already, so that the page can ask the operator to sign in.
   */
  page(req: Request, res: Response, operator: Operator | null, links: ConsoleLinks): void | Promise<void>;
  /**
   * Sends a file of the page, for `GET` and `HEAD` below `assets/`. Files contain no data and are the same for all
   * operators, hence need no sign-in.
   *
   * @param path The part after `assets/`: one or more segments, none of them empty, `.` or `..`.
   */
  asset(req: Request, res: Response, path: string): void | Promise<void>;
}

const ASSET = /^\/assets\/((?!\.{1,2}(?:\/|$))[\w.-]+(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)*)$/;

/** The part of a path after `assets/`, or null if the path names no asset. */
export function assetPath(path: string): string | null {
  return ASSET.exec(path)?.[1] ?? null;
}

/** File names contain a hash of the content, so a cached file never becomes stale. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

function sendPage(req: Request, res: Response, html: string): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8');
  res.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  res.setHeader('Referrer-Policy', 'no-referrer');
  res.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  res.setHeader('X-Frame-Options', 'DENY');
  res.end(req.method === 'HEAD' ? undefined : html);
}

/**
 * Redirect target that adds the missing slash at the end of the path, or null if the slash is present. The page's links
 * are relative. So is the target, because a proxy in front may have removed a prefix from the path.
 */
function withSlash(originalUrl: string): string | null {
  const [path = '', search] = originalUrl.split(/\?(.*)/s, 2);
  if (path.endsWith('/')) return null;
  return `./${path.slice(path.lastIndexOf('/') + 1)}/${search === undefined ? '' : `?${search}`}`;
}

/** The web console. Its files are read at the first request, and cached. */
export function createConsole(): Console {
  let assets: Assets | null = null;

  function load(): Assets | null {
    if (assets !== null) return assets;
    const folder = findAssets();
    if (folder !== null) assets = readAssets(folder);
    return assets;
  }

  return {
    page(req, res, operator, { signInUrl }) {
      const built = load();
      const redirect = withSlash(req.originalUrl);
      if (built === null) {
        res.statusCode = 503;
        return sendPage(req, res, notBuiltPage());
      }
      if (redirect !== null) {
        res.statusCode = 307;
        res.removeHeader('WWW-Authenticate');
        res.setHeader('Location', redirect);
        res.end();
        return;
      }
      sendPage(req, res, operator === null ? signInPage(built, signInUrl) : appPage(built));
    },

    asset(req, res, path) {
      const asset = load()?.files.get(path);
      if (asset === undefined) throw new KeyscopeError('not_found', 'Unknown file of the console. Reload its page.');
      res.setHeader('Cache-Control', IMMUTABLE);
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
