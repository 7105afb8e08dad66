import type { Request, RequestHandler, Response } from 'express';
import { ApiError } from '../api-error';
import { handoffStateOf } from '../data/handoff-state';
import { plainErrors } from '../envelope';
import { inPath, type Platform, projectOf, requireProject, single } from './project';

function readId(req: Request, name: string): string | undefined {
  const value = req.query[name];
  if (value !== undefined && typeof value !== 'string') {
    throw new ApiError(400, 'INVALID_REQUEST', `Give ${name} once.`);
  }
  return single(value);
}

/** `GET /v1/:account_id/:project_id/handoff_state?id=|shared_id=` */
export function handoffState(platform: Platform): RequestHandler[] {
  function showHandoffState(req: Request, res: Response): void {
    const id = readId(req, 'id');
    const sharedId = readId(req, 'shared_id');
    if (id === undefined && sharedId === undefined) {
      throw new ApiError(400, 'INVALID_REQUEST', 'Give id or shared_id.');
    }
    const conversations = platform.data.conversationsOf(projectOf(res));
    const position =
      sharedId === undefined ? conversations.positionOf(id ?? '') : conversations.positionOfShared(sharedId);
    const state = position === undefined ? null : handoffStateOf(conversations, position);
    if (state === null)
      throw new ApiError(404, 'HANDOFF_NOT_FOUND', 'There is no handoff state for this conversation.');
    res.set('Cache-Control', 'private, no-store').json(state);
  }

  return [plainErrors, ...requireProject(platform, 'handoff', inPath), showHandoffState];
}
