/**
 * The URL under which the router is mounted.
 *
 * If the page's path ends with a slash, it is that path. Otherwise it is the folder above the script's, because a proxy
 * may have removed the slash. User name and password are left out: `fetch` rejects URLs with credentials.
 */
export function baseUrl(page: string, script: string): URL {
  const base = new URL(page).pathname.endsWith('/') ? new URL('.', page) : new URL('..', script);
  base.username = '';
  base.password = '';
  base.search = '';
  base.hash = '';
  return base;
}
