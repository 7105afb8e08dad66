import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { ApiError } from '../api-error';
import { isRecorded } from '../data/detail';
import { DIRECTIONS, recordingOf } from '../data/recording';
import { agentInPath, conversationIn, type Platform, projectOf, requireProject } from './project';

const schema = z.object({
  direction: z.enum(DIRECTIONS, `must be one of ${DIRECTIONS.join(', ')}`).default('combined'),
  redacted: z
    .enum(['', 'true', 'false', 'True', 'False'], 'must be true or false')
    .default('false')
    .transform((value) => value.toLowerCase() === 'true'),
});

/** `GET /v1/agents/:agentId/conversations/:conversationId/audio`: the whole body is transcript, so the whole route is guarded. */
export function conversationAudio(platform: Platform): RequestHandler[] {
  function playConversation(req: Request, res: Response): void {
    const options = schema.safeParse(req.query);
    if (!options.success) {
      const problems = options.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`);
      throw new ApiError(400, 'CONVERSATIONS_VALIDATION_FAILED', `Invalid query: ${problems.join('; ')}.`);
    }
    const conversation = conversationIn(platform.data.conversationsOf(projectOf(res)), req);
    if (!isRecorded(conversation)) {
      throw new ApiError(
        404,
        'CONVERSATIONS_RECORDING_NOT_FOUND',
        'Only telephone calls that have ended have a recording.',
      );
    }
    res.set({ 'Content-Type': 'audio/wav', 'Cache-Control': 'private, no-store' });
    res.send(recordingOf(conversation, options.data.direction, options.data.redacted));
  }

  return [
    ...requireProject(platform, 'conversations', agentInPath),
    platform.apiKeys.requireFeature('transcript'),
    playConversation,
  ];
}
