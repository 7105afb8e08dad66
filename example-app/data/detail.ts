import type { Conversation, Turn } from './model';
import { createRandom } from './random';

/** A member's name in the newer, camelCase part of the API. */
function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function toDetailTurn(turn: Turn): Record<string, unknown> {
  return Object.fromEntries(Object.entries(turn).map(([name, value]) => [camelCase(name), value]));
}

function summarize(turns: readonly Turn[]): string {
  const first = turns.find((turn) => turn.user_input !== '');
  return first === undefined ? '' : `The caller said: ${first.translated_user_input || first.user_input}`;
}

/** The calls an agent made to its own functions, by the function's name. */
function functionEvents(turns: readonly Turn[]): Record<string, unknown> {
  const spoken = turns.filter((turn) => turn.user_input !== '');
  if (spoken.length === 0) return {};
  return {
    understand: spoken.map((turn) => ({
      at: turn.user_input_datetime,
      arguments: { text: turn.user_input },
      ok: true,
    })),
  };
}

/** Whether there is a recording of the call: of spoken ones, once they are over. */
export function isRecorded(conversation: Conversation): boolean {
  return conversation.channel === 'VOICE-SIP' && !conversation.in_progress;
}

/** A conversation as `/v1/agents/…` shows it. */
export function toDetail(conversation: Conversation): Record<string, unknown> {
  const random = createRandom(`detail ${conversation.id}`);
  const { id, project_id: projectId, turns } = conversation;
  const startedAt = Date.parse(conversation.started_at);
  const finishedAt = new Date(startedAt + conversation.total_duration * 1000).toISOString();
  return {
    conversationId: id,
    accountId: conversation.account_id,
    projectId,
    createdAt: conversation.started_at,
    startedAt: conversation.started_at,
    ...(!conversation.in_progress && { finishedAt }),
    channel: conversation.channel,
    fromNumber: conversation.from_number,
    toNumber: conversation.to_number,
    language: turns.some((turn) => turn.english_agent_response !== '') ? '' : 'en-GB',
    variantId: conversation.variant_id,
    clientEnv: conversation.environment,
    totalDuration: conversation.total_duration,
    polyaiDuration: conversation.polyai_duration,
    duration: conversation.total_duration,
    inProgress: conversation.in_progress,
    handoff: conversation.handoff,
    ...(conversation.handoff && {
      handoffDestination: conversation.handoff_destination,
      handoffReason: conversation.handoff_reason,
    }),
    direction: 'inbound',
    tags: random.chance(0.4) ? ['reviewed', 'Qualität ✅'] : [],
    polyScore: random.between(40, 100),
    shortSummary: summarize(turns),
    deploymentId: `DEPLOYMENT-${random.hex(8).toUpperCase()}`,
    note: random.chance(0.5) ? `Listened in. Verbatim: “${turns[0]?.agent_response ?? ''}”` : '',
    audioUrl: isRecorded(conversation) ? `/v1/agents/${projectId}/conversations/${id}/audio` : '',
    turns: turns.map(toDetailTurn),
    metrics: conversation.metrics,
    functionEvents: functionEvents(turns),
  };
}
