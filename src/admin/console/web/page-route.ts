import { useEffect, useLayoutEffect, useState } from 'preact/hooks';

export const PAGES = ['keys', 'key', 'configuration', 'why', 'activity', 'webhooks', 'reports'] as const;
export type PageName = (typeof PAGES)[number];
export type Params = Readonly<Record<string, string>>;

/** The page and its state. It is in the fragment of the URL, so that reload, links and the back button keep it. */
export interface PageRoute {
  /** Null if there is no such page. */
  readonly page: PageName | null;
  readonly params: Params;
}

export function hrefOf(page: PageName, params: Readonly<Record<string, string | undefined>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value) search.set(name, value);
  const text = search.toString();
  return `#/${page}${text === '' ? '' : `?${text}`}`;
}

function parseRoute(hash: string): PageRoute {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s, 2);
  const page = path === '' ? 'keys' : (PAGES.find((name) => name === path) ?? null);
  return { page, params: Object.fromEntries(new URLSearchParams(search)) };
}

type Guard = (proceed: () => void) => void;
const guards = new Set<Guard>();
/** True while the page itself changes its parameters. */
let isOwnChange = false;

/**
 * Asks before the page is left: by `ask` inside the page, and by the browser's own dialog otherwise.
 *
 * @param ask Receives a function that continues to the new location.
 */
export function useLeaveGuard(active: boolean, ask: Guard): void {
  useLayoutEffect(() => {
    if (!active) return;
    function askBrowser(event: BeforeUnloadEvent): void {
      event.preventDefault();
    }
    guards.add(ask);
    addEventListener('beforeunload', askBrowser);
    return () => {
      guards.delete(ask);
      removeEventListener('beforeunload', askBrowser);
    };
  }, [active, ask]);
}

export function useRoute(): PageRoute {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    function follow(): void {
      const wanted = location.hash;
      const [guard] = guards;
      if (guard === undefined || isOwnChange || wanted === hash) {
        setHash(wanted);
        return;
      }
      // Stay at the old location until the guard continues.
      history.pushState(null, '', hash === '' ? location.pathname + location.search : hash);
      guard(() => {
        location.hash = wanted;
      });
    }
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [hash]);
  return parseRoute(hash);
}

/**
 * Changes parameters of the page without a new entry in the browser's history; undefined removes one. The others stay as they are in
 * the URL now: those that a component was rendered with can be older. Does nothing if the page was left, because a response can
 * arrive later.
 */
export function changeParams(page: PageName, changes: Readonly<Record<string, string | undefined>>): void {
  const now = parseRoute(location.hash);
  if (now.page !== page) return;
  history.replaceState(null, '', hrefOf(page, { ...now.params, ...changes }));
  isOwnChange = true;
  dispatchEvent(new HashChangeEvent('hashchange'));
  isOwnChange = false;
}
