import { type ApiKeys, KeyscopeError } from 'keyscope';
import type { Route } from '../checker/history';

/** The two permissions that the processes' routes ask for. */
export const PERMISSIONS = { read: { label: 'Read' }, write: { label: 'Write' } } as const;

/** What is asked of the management functions, in a form that can be sent to another process. */
export type Order =
  | { readonly op: 'create'; readonly workspace: string; readonly name: string; readonly permissions: readonly Route[] }
  | {
      readonly op: 'update';
      readonly id: string;
      readonly revision: number;
      readonly name: string;
      readonly permissions: readonly Route[];
      readonly disabled: boolean;
    }
  | { readonly op: 'rotate'; readonly id: string; readonly revision: number; readonly overlap: number }
  | { readonly op: 'delete'; readonly id: string; readonly revision: number }
  | { readonly op: 'get'; readonly id: string }
  | {
      readonly op: 'configure';
      readonly workspace: string;
      readonly project: string;
      readonly transcript: boolean;
      readonly metric: string;
    }
  | { readonly op: 'clear'; readonly workspace: string; readonly project: string };

/** A key as the management functions show it. Times are of the wall clock. */
export interface SeenKey {
  readonly id: string;
  readonly name: string;
  readonly permissions: readonly Route[];
  readonly disabled: boolean;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revision: number;
  readonly rotatedTo: string | null;
}

/** `code`: of the error; `no_answer` where the process that was to do it did not say. */
export type Outcome =
  | { readonly ok: true; readonly key: SeenKey | null; readonly token: string | null }
  | { readonly ok: false; readonly code: string; readonly message: string };

type Created = Awaited<ReturnType<ApiKeys<Route>['keys']['create']>>;

function seen(key: Created['key']): SeenKey {
  const { id, name, permissions, disabled, revision, rotatedTo } = key;
  const [createdAt, expiresAt] = [key.createdAt.getTime(), key.expiresAt.getTime()];
  return { id, name, permissions, disabled, createdAt, expiresAt, revision, rotatedTo };
}

const done = (key: Created['key'] | null = null, token: string | null = null): Outcome => ({
  ok: true,
  key: key && seen(key),
  token,
});

async function attempt(apiKeys: ApiKeys<Route>, order: Order): Promise<Outcome> {
  const { keys, projects } = apiKeys;
  switch (order.op) {
    case 'create': {
      const { workspace: workspaceId, name, permissions } = order;
      const { key, token } = await keys.create({ workspaceId, name, permissions, agents: 'all' });
      return done(key, token);
    }
    case 'update': {
      const { id, revision, name, permissions, disabled } = order;
      return done(await keys.update(id, { name, permissions, disabled }, { revision }));
    }
    case 'rotate': {
      const { key, token } = await keys.rotate(order.id, { overlap: order.overlap }, { revision: order.revision });
      return done(key, token);
    }
    case 'delete':
      await keys.delete(order.id, { revision: order.revision });
      return done();
    case 'get':
      return done(await keys.get(order.id));
    case 'configure': {
      const { workspace: workspaceId, project, transcript, metric } = order;
      await projects.set(project, { transcript, metrics: [metric] }, { workspaceId });
      return done();
    }
    case 'clear':
      await projects.clear(order.project, { workspaceId: order.workspace });
      return done();
  }
}

export async function carryOut(apiKeys: ApiKeys<Route>, order: Order): Promise<Outcome> {
  try {
    return await attempt(apiKeys, order);
  } catch (error) {
    if (!(error instanceof KeyscopeError)) throw error;
    return { ok: false, code: error.code, message: error.message };
  }
}
