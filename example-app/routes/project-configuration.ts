import { createHash, timingSafeEqual } from 'node:crypto';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { ApiError } from '../api-error';
import { type Platform, single } from './project';

export const OPERATOR_HEADER = 'x-operator-password';

const schema = z.strictObject({
  transcript: z.boolean(),
  metrics: z.union([z.literal('all'), z.array(z.string())]),
});

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * `PUT /example/projects/:project_id/configuration`: not part of the platform's API, and not how a platform would do
 * it. It lets whoever started the example change what a project has enabled, with the password printed at the start.
 */
export function projectConfiguration({ apiKeys, data }: Platform, password: string): RequestHandler[] {
  const expected = digest(password);

  function requireOperator(req: Request, _res: Response, next: () => void): void {
    // Digests have one length and are compared in constant time: neither tells how much of a guess was right.
    if (timingSafeEqual(digest(req.get(OPERATOR_HEADER) ?? ''), expected)) next();
    else
      throw new ApiError(
        401,
        'OPERATOR_PASSWORD_REQUIRED',
        `Send the password printed at the start as ${OPERATOR_HEADER}.`,
      );
  }

  async function configureProject(req: Request, res: Response): Promise<void> {
    const project = data.project(single(req.params.project_id) ?? '');
    if (project === undefined) throw new ApiError(404, 'PROJECT_NOT_FOUND', 'There is no such project.');
    const features = schema.safeParse(req.body);
    if (!features.success) {
      throw new ApiError(
        400,
        'INVALID_REQUEST',
        'Send {"transcript": true or false, "metrics": "all" or a list of names}.',
      );
    }
    await apiKeys.projects.set(project.id, features.data, { workspaceId: project.workspaceId, actor: 'operator' });
    res.json({ project_id: project.id, ...features.data });
  }

  return [requireOperator, express.json({ limit: '16kb' }), configureProject];
}
