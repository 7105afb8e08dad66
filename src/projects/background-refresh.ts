/** Who is waited for, by what they will ask for. */
export interface BackgroundRefresh {
  /** Somebody will ask for this. The function that is returned says that they no longer will. */
  keepFresh(id: string): () => void;
  close(): void;
}

interface Refresh {
  users: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Renews what is going to be asked for, so that it has not aged when it is. One timer for each id, which ends when it finds
 * that nobody is waiting: most who come have gone long before it fires.
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
    // What cannot be renewed ages; whoever asks for it then is told that nobody knows.
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
      return function leave() {
        refresh.users -= 1;
      };
    },
    close() {
      for (const { timer } of refreshes.values()) clearInterval(timer);
      refreshes.clear();
    },
  };
}
