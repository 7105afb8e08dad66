import { useEffect, useLayoutEffect, useState } from 'preact/hooks';

export const PAGES = ['keys', 'configuration', 'why', 'activity'] as const;
export type Page = (typeof PAGES)[number];

/** Where in the page one is: kept behind `#`, so that the server need not know of it and the back button works. */
export interface Route {
  readonly page: Page;
  readonly params: Readonly<Record<string, string>>;
}

export function hrefOf(page: Page, params: Readonly<Record<string, string | undefined>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value) search.set(name, value);
  const text = search.toString();
  return `#/${page}${text === '' ? '' : `?${text}`}`;
}

export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s, 2);
  const page = PAGES.find((name) => name === path) ?? 'keys';
  return { page, params: Object.fromEntries(new URLSearchParams(search)) };
}

type Guard = (goOn: () => void) => void;
const guards = new Set<Guard>();

/**
 * Asks before the page is left, within the browser's window by `ask`, and otherwise by the browser itself. `ask` is given
 * what goes on to where one wanted to be.
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

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    function follow(): void {
      const wanted = location.hash;
      const [guard] = guards;
      if (guard === undefined || wanted === hash) {
        setHash(wanted);
        return;
      }
      // Back to where one was, until one has answered.
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

/** Changes what stands behind `#` without a step that the back button would take. */
export function replaceParams(page: Page, params: Readonly<Record<string, string | undefined>>): void {
  history.replaceState(null, '', hrefOf(page, params));
  dispatchEvent(new HashChangeEvent('hashchange'));
}
