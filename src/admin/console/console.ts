import type { Request, Response } from 'express';
import { KeyscopeError } from '../../errors';
import type { Operator } from '../handler';
import { type Asset, type Assets, findAssets, readAssets } from './assets';
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

const ASSET = /^(?:\/[^/]+)?\/assets\/((?!\.{1,2}(?:\/|$))[\w.-]+(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)*)$/;

/**
 * The part of a path after `assets/`, or null if the path names no asset. One segment before `assets` is accepted: a proxy
 * may have removed the slash at the end of the page's path, so that its links begin with the last segment.
 */
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
 * Prefix of the page's relative links: the last segment of its path and a slash, or empty for the root. With it, the links
 * lead to the same files whether the address in the browser ends with a slash or not, because a proxy may have added or
 * removed one. From `/admin/`, `./admin/assets/main.js` is `/admin/admin/assets/main.js`, which `assetPath` accepts. There is
 * no redirect to the path with a slash, because a proxy may remove it again.
 */
function linkBase(originalUrl: string): string {
  const [path = ''] = originalUrl.split('?', 1);
  const segment = /([^/]+)\/*$/.exec(path)?.[1];
  return segment === undefined ? '' : `./${segment}/`;
}

const HASHED = /^(.+)-[\w-]{8}(\.\w+)$/;

/**
 * The file of the same name with another hash. During a rolling deployment, a page from one process asks another process
 * for its files.
 */
function otherVersionOf(path: string, { files, script, styles, icon }: Assets): Asset | undefined {
  const [, name, extension] = HASHED.exec(path) ?? [];
  if (name === undefined) return undefined;
  const current = [script, ...styles, icon].find((file) => {
    const [, currentName, currentExtension] = HASHED.exec(file) ?? [];
    return currentName === name && currentExtension === extension;
  });
  return current === undefined ? undefined : files.get(current);
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
      if (built === null) {
        res.statusCode = 503;
        return sendPage(req, res, notBuiltPage());
      }
      const base = linkBase(req.originalUrl);
      sendPage(req, res, operator === null ? signInPage(built, base, signInUrl) : appPage(built, base));
    },

    asset(req, res, path) {
      const built = load();
      const own = built?.files.get(path);
      const asset = own ?? (built === null ? undefined : otherVersionOf(path, built));
      if (asset === undefined) throw new KeyscopeError('not_found', 'Unknown file of the console. Reload its page.');
      res.setHeader('Cache-Control', own === undefined ? 'no-store' : IMMUTABLE);
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
