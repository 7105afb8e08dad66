import { z } from 'zod';
import { KeyscopeError } from '../errors';
import { describeValue, inputError } from '../validate-input';
import { callApp } from './call-app';
import type { AdminSettings } from './options';

const resolvedSchema = z.string().min(1).nullish();

/** Resolves ids of agents that an operator has given. */
export interface AgentResolver {
  /** The body of a request that creates a key, with resolved `agents`. Throws `invalid_request` if one is unknown. */
  resolveBody(body: unknown, workspaceId: string): Promise<unknown>;
  /** The id of a project. Throws `not_found` if it is unknown. */
  resolveProject(id: string, workspaceId: string): Promise<string>;
  /** The id of a project, or the given one if it is unknown: its configuration can still be cleared. */
  resolveOrKeep(id: string, workspaceId: string): Promise<string>;
}

/** Uses the app's `resolveAgent`. Without it, all ids are accepted as they are. */
export function createAgentResolver({ resolveAgent }: Pick<AdminSettings, 'resolveAgent'>): AgentResolver {
  async function resolve(id: string, workspaceId: string): Promise<string | null> {
    if (resolveAgent === null) return id;
    return (await callApp('resolveAgent', resolvedSchema, () => resolveAgent(id, workspaceId))) ?? null;
  }

  return {
    async resolveBody(body, workspaceId) {
      const agents = (body as { agents?: unknown } | undefined)?.agents;
      // The service validates other values.
      if (resolveAgent === null || !Array.isArray(agents) || !agents.every((id) => typeof id === 'string')) return body;
      const resolved = await Promise.all(agents.map((id: string) => resolve(id, workspaceId)));
      const issues = resolved.flatMap((id, index) =>
        id === null
          ? [{ path: `agents.${index}`, message: `Unknown agent. Received ${describeValue(agents[index])}.` }]
          : [],
      );
      if (issues.length > 0) throw inputError('The request', issues);
      return { ...(body as object), agents: [...new Set(resolved)] };
    },
    async resolveProject(id, workspaceId) {
      const resolved = await resolve(id, workspaceId);
      if (resolved === null) throw new KeyscopeError('not_found', 'Unknown project.');
      return resolved;
    },
    async resolveOrKeep(id, workspaceId) {
      return (await resolve(id, workspaceId)) ?? id;
    },
  };
}
