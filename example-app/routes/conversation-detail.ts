import type { Request, RequestHandler, Response } from 'express';
import { toDetail } from '../data/detail';
import { agentInPath, conversationIn, type Platform, projectOf, requireProject } from './project';

/**
 * More members than `turns` contain transcript: the summary and the note quote it, function calls have the caller's
 * words as arguments, and the audio is the spoken transcript. `polyScore`, `tags` and durations quote nothing and are kept.
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
