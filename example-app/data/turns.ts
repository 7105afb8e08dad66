import type { Facts, Turn } from './model';
import { LANGUAGES } from './phrases';
import type { Random } from './random';

const SECOND = 1000;

/** The turns of a conversation, always with latency. Routes remove it unless it was asked for. */
export function writeTurns(random: Random, facts: Facts, count: number): Turn[] {
  const language = LANGUAGES[facts.language] ?? LANGUAGES[0];
  const turns: Turn[] = [];
  let at = facts.startedAt;
  for (let index = 0; index < count; index += 1) {
    const silent = random.chance(0.08);
    const dtmf = facts.channel === 'VOICE-SIP' && !silent && random.chance(0.12);
    const utterance = random.pick(language.utterances);
    const response = random.pick(language.responses);
    const spoken = !silent && !dtmf;
    at += random.between(2, 9) * SECOND;
    const inputAt = at;
    const latency = random.between(300, 2400) / 1000;
    at += Math.round(latency * SECOND);
    turns.push({
      user_input: spoken ? utterance.text : '',
      user_input_dtmf: dtmf ? String(random.between(0, 9999)).padStart(4, '0') : '',
      user_input_datetime: new Date(inputAt).toISOString(),
      agent_response: response.text,
      agent_response_datetime: new Date(at).toISOString(),
      latency,
      translated_user_input: spoken ? utterance.english : '',
      english_agent_response: response.english,
      intents: spoken ? [utterance.intent] : [],
      entities: spoken ? (utterance.entities ?? []) : [],
      is_ood: spoken && random.chance(0.05),
      is_silence: silent,
    });
  }
  return turns;
}
