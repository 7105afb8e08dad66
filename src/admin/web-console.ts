import type { Request, Response } from 'express';
import type { Identity } from './handler';

/** Where the page leads to, outside itself. */
export interface ConsoleLinks {
  /** Where people sign in; null where the app has not said. */
  readonly signInUrl: string | null;
}

/** The web page that people manage keys with: served beside the REST routes, under the same mount path. */
export interface Console {
  /**
   * The page itself, for `GET` and `HEAD` of the mount path. Nobody is signed in: null, and the status is set to 401
   * already, so that the page can ask people to sign in again.
   */
  page(req: Request, res: Response, identity: Identity | null, links: ConsoleLinks): void | Promise<void>;
  /**
   * What the page is made of, for `GET` and `HEAD` below `assets/`. The same for everybody and free of data, hence served
   * without asking who it is for.
   *
   * @param path What follows `assets/`: one or more segments, none of them empty, `.` or `..`.
   */
  asset(req: Request, res: Response, path: string): void | Promise<void>;
}

const ASSET = /^\/assets\/((?!\.{1,2}(?:\/|$))[\w.-]+(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)*)$/;

/** What a path names below `assets/`, in the letters that a build gives its files; null where it names nothing there. */
export function assetPath(path: string): string | null {
  return ASSET.exec(path)?.[1] ?? null;
}
