import type { Conversations } from '../data/conversations';
import type { Conversation, Facts, Project } from '../data/model';
import { writeCursor } from './cursor';
import type { Filter } from './filter';
import { createSearch } from './search';

/** Where the page after this one begins. */
export interface Continuation {
  readonly next_offset?: number;
  readonly cursor: string | null;
}

function matches(filter: Filter, facts: Facts): boolean {
  return (
    facts.startedAt >= filter.from &&
    facts.startedAt < filter.until &&
    facts.environment === filter.environment &&
    (filter.channels === null || filter.channels.has(facts.channel)) &&
    (filter.variantId === null || facts.variantId === filter.variantId) &&
    (filter.variantName === null || facts.variantName === filter.variantName) &&
    (filter.inProgress === null || facts.inProgress === filter.inProgress)
  );
}

/** The positions that match, newest first. Conversations are only written out where what was said is searched. */
function* positionsOf(conversations: Conversations, filter: Filter, start: number): Generator<number> {
  const search = filter.search === null ? null : createSearch(filter.search);
  for (let position = start; position < conversations.count; position += 1) {
    if (!matches(filter, conversations.facts(position))) continue;
    if (search === null || search(conversations.whole(position))) yield position;
  }
}

/** `limit` of the matches, each set of them equally likely (algorithm R), newest first. */
function sampleOf(positions: Iterable<number>, limit: number, random: () => number): number[] {
  const chosen: number[] = [];
  let seen = 0;
  for (const position of positions) {
    seen += 1;
    if (chosen.length < limit) chosen.push(position);
    else {
      const place = Math.floor(random() * seen);
      if (place < limit) chosen[place] = position;
    }
  }
  return chosen.sort((a, b) => a - b);
}

function show(conversation: Conversation, filter: Filter): Conversation {
  if (filter.includeLatency) return conversation;
  return { ...conversation, turns: conversation.turns.map(({ latency: _latency, ...turn }) => turn) };
}

/**
 * One page, a conversation at a time, so that the longest page needs no more memory than the shortest. Returns, once
 * all are out, where the next one begins.
 */
export function* find(
  project: Project,
  conversations: Conversations,
  filter: Filter,
  random: () => number = Math.random,
): Generator<Conversation, Continuation> {
  if (filter.sample) {
    for (const position of sampleOf(positionsOf(conversations, filter, 0), filter.limit, random)) {
      yield show(conversations.whole(position), filter);
    }
    return { cursor: null };
  }

  const { page } = filter;
  let skip = page.by === 'offset' ? page.offset : 0;
  let shown = 0;
  for (const position of positionsOf(conversations, filter, page.by === 'cursor' ? page.position : 0)) {
    if (skip > 0) {
      skip -= 1;
      continue;
    }
    if (shown === filter.limit) {
      const cursor = writeCursor(project, position);
      return page.by === 'offset' ? { next_offset: page.offset + shown, cursor } : { cursor };
    }
    shown += 1;
    yield show(conversations.whole(position), filter);
  }
  return { cursor: null };
}
