import { useEffect, useState } from 'preact/hooks';
import { type ApiError, asApiError } from '../api/api-error';
import * as calls from '../api/calls';
import type { Key, Usage } from '../api/types';

interface UsageOfKeys {
  readonly byId: ReadonlyMap<string, Usage>;
  readonly error: ApiError | null;
}

/** Usage of keys, by id. Empty while it is loading. If it fails, keys can still be managed. */
export function useUsage(keys: readonly Key[] | undefined): UsageOfKeys {
  const [state, setState] = useState<UsageOfKeys>({ byId: new Map(), error: null });
  const ids = keys?.map(({ id }) => id).join(',') ?? '';
  useEffect(() => {
    if (ids === '') return;
    const controller = new AbortController();
    calls.getUsage(ids.split(','), controller.signal).then(
      (usage) => setState({ byId: new Map(usage.map((each) => [each.keyId, each])), error: null }),
      (error: unknown) => {
        if (!controller.signal.aborted) setState(({ byId }) => ({ byId, error: asApiError(error) }));
      },
    );
    return () => controller.abort();
  }, [ids]);
  return state;
}
