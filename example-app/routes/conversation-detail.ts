import type { Request, RequestHandler, Response } from 'express';
import { toDetail } from '../data/detail';
import { agentInPath, conversationIn, type Platform, projectOf, requireProject } from './project';

/**
 * More here than `turns` tells what was said: the summary and the note retell it, function calls carry the caller's
 * words as arguments, and the audio is the transcript spoken. `polyScore`, `tags` and durations judge or measure a
 * conversation without quoting it, and stay.
 */
const DETAIL_REDACTION = {
  transcript: ['turns', 'shortSummary', 'note', 'audioUrl', 'functionEvents'],
  metricAliases: { HANDOFF_REASON: 'handoffReason', HANDOFF_TO: 'handoffDestination' },
} as const;

/** `GET /v1/agents/:agentId/conversations/:conversationId` */
export function conversationDetail(platform: Platform): RequestHandler[] {
  function showConversation(req: Request, res: Response): void {
    const project = projectOf(res);
    res.json(
      toDetail(conversationIn(platform.data.conversationsOf(project), req), `${req.protocol}://${req.get('host')}`),
    );
  }

  return [
    ...requireProject(platform, 'conversations', agentInPath),
    platform.apiKeys.redactResponse(DETAIL_REDACTION),
    showConversation,
  ];
}
