import { type ApiKeys, KeyscopeError } from 'keyscope';
import type { Route } from '../checker/history';

/** The two permissions that the processes' routes require. */
export const PERMISSIONS = { read: { label: 'Read' }, write: { label: 'Write' } } as const;

/** A call of a management function, as JSON that can be sent to another process. */
export type Command =
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

/** A key as the management functions return it. Times are of the wall clock. */
export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly permissions: readonly Route[];
  readonly disabled: boolean;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revision: number;
  readonly rotatedTo: string | null;
}

/** `code`: of the error; `no_answer` if the process did not respond. */
export type Outcome =
  | { readonly ok: true; readonly key: KeyView | null; readonly token: string | null }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** Runs commands: one of the processes, or the harness over a connection that no fault affects. */
export type CommandRunner = (command: Command) => Promise<Outcome>;

type Created = Awaited<ReturnType<ApiKeys<Route>['keys']['create']>>;

function seen(key: Created['key']): KeyView {
  const { id, name, permissions, disabled, revision, rotatedTo } = key;
  const [createdAt, expiresAt] = [key.createdAt.getTime(), key.expiresAt!.getTime()];
  return { id, name, permissions, disabled, createdAt, expiresAt, revision, rotatedTo };
}

const done = (key: Created['key'] | null = null, token: string | null = null): Outcome => ({
  ok: true,
  key: key && seen(key),
  token,
});

async function attempt(apiKeys: ApiKeys<Route>, command: Command): Promise<Outcome> {
  const { keys, projects } = apiKeys;
  switch (command.op) {
    case 'create': {
      const { workspace: workspaceId, name, permissions } = command;
      const { key, token } = await keys.create({ workspaceId, name, permissions, agents: 'all' });
      return done(key, token);
    }
    case 'update': {
      const { id, revision, name, permissions, disabled } = command;
      return done(await keys.update(id, { name, permissions, disabled }, { revision }));
    }
    case 'rotate': {
      const { key, token } = await keys.rotate(
        command.id,
        { overlap: command.overlap },
        { revision: command.revision },
      );
      return done(key, token);
    }
    case 'delete':
      await keys.delete(command.id, { revision: command.revision });
      return done();
    case 'get':
      return done(await keys.get(command.id));
    case 'configure': {
      const { workspace: workspaceId, project, transcript, metric } = command;
      await projects.set(project, { transcript, metrics: [metric] }, { workspaceId });
      return done();
    }
    case 'clear':
      await projects.clear(command.project, { workspaceId: command.workspace });
      return done();
  }
}

export async function runCommand(apiKeys: ApiKeys<Route>, command: Command): Promise<Outcome> {
  try {
    return await attempt(apiKeys, command);
  } catch (error) {
    if (!(error instanceof KeyscopeError)) throw error;
    return { ok: false, code: error.code, message: error.message };
  }
}
