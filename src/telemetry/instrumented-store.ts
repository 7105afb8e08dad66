import { KeyscopeError } from '../errors';
import type { Store } from '../store/store';

/** Names of the store's methods in metrics. */
const OPERATIONS = {
  getCredential: 'key.authenticate',
  getAlias: 'imported_token.authenticate',
  getKey: 'key.read',
  getProjects: 'projects.read',
  listKeys: 'keys.list',
  listAudit: 'audit.list',
  readAudit: 'audit.read',
  lastAuditId: 'audit.read',
  readUsage: 'usage.read',
  createKey: 'key.create',
  updateKey: 'key.update',
  deleteKey: 'key.delete',
  rotateKey: 'key.rotate',
  exposeKey: 'key.expose',
  linkAlias: 'imported_token.link',
  unlinkAlias: 'imported_token.unlink',
  setProject: 'project.configure',
  clearProject: 'project.clear',
  addUsage: 'usage.add',
  leaseSlice: 'limit.lease',
} as const satisfies Partial<Record<keyof Store, string>>;

/** Called at the end of an operation of the store. `error` is null if it succeeded. */
export type OnOperation = (operation: string, seconds: number, error: string | null) => void;

function errorType(error: unknown): string {
  return error instanceof KeyscopeError ? error.code : '_OTHER';
}

type Method = (...args: unknown[]) => Promise<unknown>;

/** Wraps a store to measure the duration of its operations. */
export function timeStore(store: Store, onOperation: OnOperation): Store {
  function timed(operation: string, method: Method): Method {
    return async function timedMethod(...args) {
      const start = performance.now();
      const end = (error: string | null) => onOperation(operation, (performance.now() - start) / 1000, error);
      try {
        const result = await method.apply(store, args);
        // `addUsage` never rejects. Its result contains the failure.
        const { failure } = operation === 'usage.add' ? (result as { failure: unknown }) : { failure: null };
        end(failure === null ? null : errorType(failure));
        return result;
      } catch (error) {
        end(errorType(error));
        throw error;
      }
    };
  }

  const methods = Object.entries(OPERATIONS).map(([name, operation]) => [
    name,
    timed(operation, store[name as keyof typeof OPERATIONS] as Method),
  ]);
  return { ...store, ...Object.fromEntries(methods) };
}
