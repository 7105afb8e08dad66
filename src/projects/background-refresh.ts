/** Tracks which workspaces have responses in progress, and keeps their cache entries fresh. */
export interface BackgroundRefresh {
  /** Keeps an entry fresh until the returned function is called. */
  keepFresh(id: string): () => void;
  close(): void;
}

interface Refresh {
  users: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Refreshes entries that will be used, so that they have not expired by then. One timer per id, which stops when it fires
 * without users. Most users have ended before it fires.
 */
export function createBackgroundRefresh({
  every,
  renew,
}: {
  /** Milliseconds. */
  readonly every: number;
  readonly renew: (id: string) => Promise<void>;
}): BackgroundRefresh {
  const refreshes = new Map<string, Refresh>();

  function tick(id: string, refresh: Refresh): void {
    if (refresh.users === 0) {
      clearInterval(refresh.timer);
      refreshes.delete(id);
      return;
    }
    // If the refresh fails, the entry expires and responses are fully redacted.
    renew(id).catch(() => undefined);
  }

  function start(id: string): Refresh {
    const timer = setInterval(() => tick(id, refresh), every);
    const refresh: Refresh = { users: 0, timer };
    timer.unref();
    refreshes.set(id, refresh);
    return refresh;
  }

  return {
    keepFresh(id) {
      const refresh = refreshes.get(id) ?? start(id);
      refresh.users += 1;
      return function release() {
        refresh.users -= 1;
      };
    },
    close() {
      for (const { timer } of refreshes.values()) clearInterval(timer);
      refreshes.clear();
    },
  };
}
