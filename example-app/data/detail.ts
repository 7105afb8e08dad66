import type { Conversation, Turn } from './model';
import { LANGUAGES } from './phrases';
import { createRandom } from './random';

/** The language of each conversation, by its index in the languages that the agents speak. */
function languageOf(turns: readonly Turn[]): string {
  const response = turns[0]?.agent_response ?? '';
  return LANGUAGES.find(({ responses }) => responses.some(({ text }) => text === response))?.code ?? 'en-GB';
}

/** JSON text, as the platform's own summaries are. */
function summarize(turns: readonly Turn[]): string {
  const first = turns.find((turn) => turn.user_input !== '');
  if (first === undefined) return '';
  const content = `The caller said: ${first.translated_user_input || first.user_input}`;
  return JSON.stringify({ heading: first.intents[0] ?? 'Conversation', content });
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

/** True if the conversation was a telephone call and has ended: only those have a recording. */
export function isRecorded(conversation: Conversation): boolean {
  return conversation.channel === 'VOICE-SIP' && !conversation.in_progress;
}

/**
 * A conversation as `/v1/agents/…` shows it: camelCase at the top level only, its turns are those of the list.
 *
 * @param origin Of this API, such as `https://api.example.com`, for absolute URLs.
 */
export function toDetail(conversation: Conversation, origin: string): Record<string, unknown> {
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
    language: languageOf(turns),
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
    audioUrl: isRecorded(conversation) ? `${origin}/v1/agents/${projectId}/conversations/${id}/audio` : '',
    turns: turns.map(({ latency: _latency, ...turn }) => turn),
    metrics: conversation.metrics,
    functionEvents: functionEvents(turns),
  };
}
