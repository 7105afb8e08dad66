import { KeyscopeError } from '../../src/errors';
import { createKeyService, type KeyServiceDeps } from '../../src/keys/service';
import { createMemoryStore } from '../../src/store/memory';
import { createTokenHasher } from '../../src/token/digest';
import { fakeClock } from '../support/clock';

export const DAY = 86_400_000;
export const NOW = Date.UTC(2030, 0, 1);
export const PERMISSIONS = ['conversations', 'handoff', 'external_events'];

/** A key service on a store in memory, with a clock that stands still. */
export function setup(deps: Partial<KeyServiceDeps> = {}) {
  const clock = fakeClock(NOW);
  const store = deps.store ?? createMemoryStore({ clock });
  const hasher = createTokenHasher(undefined);
  const keys = createKeyService({
    store,
    clock,
    prefix: 'ks',
    hasher,
    permissions: PERMISSIONS,
    defaultLifetime: 365 * DAY,
    ...deps,
  });
  return { clock, store, hasher, keys };
}

export const valid = { name: 'CRM', agents: 'all', permissions: ['conversations'] } as const;

/** The error that a call rejected with. */
export async function refusal(call: Promise<unknown>): Promise<KeyscopeError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof KeyscopeError)) throw new Error(`expected a refusal, got ${String(error)}`);
  return error;
}

/** Paths of the issues of an input. */
export async function refusedPaths(call: Promise<unknown>): Promise<string[]> {
  return (await refusal(call)).issues.map(({ path }) => path).sort();
}
