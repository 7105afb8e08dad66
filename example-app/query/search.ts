import type { Conversation, Turn } from '../data/model';
import type { Search } from './filter';

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

function wordsOf(text: string): Set<string> {
  return new Set(fold(text).match(/[\p{L}\p{N}]+/gu) ?? []);
}

function said(turn: Turn, speaker: Search['speaker']): string[] {
  const user = [turn.user_input, turn.translated_user_input];
  const agent = [turn.agent_response, turn.english_agent_response];
  return speaker === 'user' ? user : speaker === 'agent' ? agent : [...user, ...agent];
}

/**
 * Whether a conversation answers a search. `transcript` looks for the text as it stands; `semantic` stands in for a
 * search by meaning: somewhere, one turn has at least half of the query's words.
 */
export function createSearch(search: Search): (conversation: Conversation) => boolean {
  if (search.type === 'transcript') {
    const needle = fold(search.text);
    return (conversation) =>
      conversation.turns.some((turn) => said(turn, search.speaker).some((text) => fold(text).includes(needle)));
  }
  const wanted = wordsOf(search.text);
  return (conversation) =>
    conversation.turns.some((turn) => {
      const words = wordsOf(said(turn, null).join(' '));
      const shared = [...wanted].filter((word) => words.has(word)).length;
      return shared > 0 && shared * 2 >= wanted.size;
    });
}
