import type { Request, RequestHandler, Response } from 'express';
import { ApiError } from '../api-error';
import type { Permission, PlatformKeys } from '../api-keys';
import type { Conversations } from '../data/conversations';
import type { Project } from '../data/model';
import type { PlatformData } from '../data/platform-data';

/** Dependencies of every route. */
export interface Platform {
  readonly apiKeys: PlatformKeys;
  readonly data: PlatformData;
}

/** Reads the account and the project that a request names, by id or slug. */
export interface Naming {
  /** Left out on routes without an account: the key's own is used. */
  readonly account?: (req: Request) => string | undefined;
  readonly project: (req: Request) => string | undefined;
}

/** A value that was sent exactly once. */
export function single(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export const inPath: Naming = {
  account: (req) => single(req.params.account_id),
  project: (req) => single(req.params.project_id),
};

export const agentInPath: Naming = { project: (req) => single(req.params.agentId) };

export const inQuery: Naming = {
  account: (req) => single(req.query.account_id),
  project: (req) => single(req.query.project_id),
};

/** The project that `requireProject` has authorized. */
export function projectOf(res: Response): Project {
  return res.locals.project as Project;
}

/** The conversation that a path names. @throws {ApiError} 404 */
export function conversationIn(conversations: Conversations, req: Request): ReturnType<Conversations['whole']> {
  const position = conversations.positionOf(single(req.params.conversationId) ?? '');
  if (position === undefined) {
    throw new ApiError(404, 'CONVERSATIONS_NOT_FOUND', 'This project has no conversation of this id.');
  }
  return conversations.whole(position);
}

/**
 * Authorizes the key for the project that a request names, and finds that project for the handler. keyscope authorizes
 * ids. An unknown name is passed on as it is: it is in no scope, and a 404 for keys with all agents.
 */
export function requireProject({ apiKeys, data }: Platform, permission: Permission, naming: Naming): RequestHandler[] {
  const { account } = naming;
  const workspaceId = (name: string | undefined) =>
    name === undefined ? undefined : (data.workspace(name)?.id ?? name);
  const agentId = (name: string | undefined) => (name === undefined ? undefined : (data.project(name)?.id ?? name));

  const requireKey = apiKeys.requireApiKey(permission, {
    ...(account && { workspace: (req: Request) => workspaceId(account(req)) }),
    agent: (req: Request) => agentId(naming.project(req)),
  });

  function findProject(req: Request, res: Response, next: () => void): void {
    const projectName = naming.project(req);
    if (projectName === undefined) throw new ApiError(400, 'INVALID_REQUEST', 'Give project_id once.');
    // The same lookup as above, so the project that is served is the one that was authorized. keyscope has authorized
    // the account, and does not know which account owns a project.
    const project = data.project(projectName);
    if (project === undefined || project.workspaceId !== req.apiKey?.workspaceId) {
      throw new ApiError(404, 'PROJECT_NOT_FOUND', `This account has no project ${projectName}.`);
    }
    res.locals.project = project;
    next();
  }

  return [requireKey, findProject];
}
