/** Who is waited for, by what they will ask for. */
export interface Attendance {
  /** Somebody will ask for this. The function that is returned says that they no longer will. */
  attend(id: string): () => void;
  close(): void;
}

interface Watch {
  attending: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Renews what is going to be asked for, so that it has not aged when it is. One timer for each id, which ends when it finds
 * that nobody is waiting: most who come have gone long before it fires.
 */
export function createAttendance({
  every,
  renew,
}: {
  /** Milliseconds. */
  readonly every: number;
  readonly renew: (id: string) => Promise<void>;
}): Attendance {
  const watches = new Map<string, Watch>();

  function look(id: string, watch: Watch): void {
    if (watch.attending === 0) {
      clearInterval(watch.timer);
      watches.delete(id);
      return;
    }
    // What cannot be renewed ages; whoever asks for it then is told that nobody knows.
    renew(id).catch(() => undefined);
  }

  function begin(id: string): Watch {
    const timer = setInterval(() => look(id, watch), every);
    const watch: Watch = { attending: 0, timer };
    timer.unref();
    watches.set(id, watch);
    return watch;
  }

  return {
    attend(id) {
      const watch = watches.get(id) ?? begin(id);
      watch.attending += 1;
      return function leave() {
        watch.attending -= 1;
      };
    },
    close() {
      for (const { timer } of watches.values()) clearInterval(timer);
      watches.clear();
    },
  };
}
