import { useRef } from 'preact/hooks';
import { hrefOf, type Params } from '../page-route';
import { Button } from '../ui/button';

export interface PagerState {
  readonly page: number;
  /** Goes to the previous page, or to the first one if the previous one is unknown. Null on the first page. */
  readonly previous: { readonly label: string; go(): void } | null;
  readonly next: (() => void) | null;
}

/**
 * Pages of the list of keys. Cursor and number of the page are in the URL. The cursors of earlier pages are known unless
 * the page was reloaded or opened by a link.
 */
export function usePager(params: Params, nextCursor: string | null): PagerState {
  const page = Math.max(1, Math.trunc(Number(params.page)) || 1);
  const cursors = useRef(new Map<number, string | undefined>([[1, undefined]]));
  cursors.current.set(page, params.cursor);

  function go(target: number, cursor: string | undefined): void {
    location.hash = hrefOf('keys', {
      ...params,
      dialog: undefined,
      cursor,
      page: target === 1 ? undefined : String(target),
    });
  }
  const isKnown = cursors.current.has(page - 1);
  const previous = isKnown
    ? { label: 'Previous', go: () => go(page - 1, cursors.current.get(page - 1)) }
    : { label: 'First page', go: () => go(1, undefined) };
  return {
    page,
    previous: params.cursor === undefined ? null : previous,
    next: nextCursor === null ? null : () => go(page + 1, nextCursor),
  };
}

export function Pager({ pager: { page, previous, next }, onGo }: { readonly pager: PagerState; onGo(): void }) {
  if (previous === null && next === null) return null;
  function go(act: () => void): void {
    act();
    onGo();
  }
  return (
    <nav class="pager" aria-label="Pages of keys">
      {previous && <Button onClick={() => go(previous.go)}>{previous.label}</Button>}
      <span key={page}>Page {page}</span>
      {next && <Button onClick={() => go(next)}>Next</Button>}
    </nav>
  );
}
