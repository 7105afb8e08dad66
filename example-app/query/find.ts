import type { Conversations } from '../data/conversations';
import type { Conversation, Facts } from '../data/model';
import { type Paged, writeCursor } from './cursor';
import type { Filter } from './filter';
import { createSearch } from './search';

/** The conversations that a list is made of. */
export interface Listed extends Pick<Conversations, 'count' | 'facts' | 'whole'> {
  /** False for positions that the caller may not see. Left out: all may be seen. */
  shows?(position: number): boolean;
}

/** The start of the next page. */
export interface Continuation {
  readonly next_offset?: number;
  readonly cursor: string | null;
}

/** `voice` is the prose name of the telephone channel. */
function isInChannel(wanted: ReadonlySet<string>, channel: Facts['channel']): boolean {
  return wanted.has(channel.toLowerCase()) || (channel === 'VOICE-SIP' && wanted.has('voice'));
}

function matches(filter: Filter, facts: Facts): boolean {
  return (
    facts.startedAt >= filter.from &&
    facts.startedAt < filter.until &&
    facts.environment === filter.environment &&
    (filter.channels === null || isInChannel(filter.channels, facts.channel)) &&
    (filter.variantId === null || facts.variantId === filter.variantId) &&
    (filter.variantName === null || facts.variantName === filter.variantName) &&
    (filter.inProgress === null || facts.inProgress === filter.inProgress)
  );
}

/** The positions that match, newest first. Conversations are generated only for a search of their transcript. */
function* positionsOf(conversations: Listed, filter: Filter, start: number): Generator<number> {
  const search = filter.search === null ? null : createSearch(filter.search);
  for (let position = start; position < conversations.count; position += 1) {
    if (!matches(filter, conversations.facts(position))) continue;
    if (conversations.shows !== undefined && !conversations.shows(position)) continue;
    if (search === null || search(conversations.whole(position))) yield position;
  }
}

/** A random sample of `limit` matches (algorithm R), newest first. */
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
 * One page, a conversation at a time, so that the longest page needs no more memory than the shortest. Returns the
 * start of the next page.
 */
export function* find(
  paged: Paged,
  conversations: Listed,
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
      const cursor = writeCursor(paged, position);
      return page.by === 'offset' ? { next_offset: page.offset + shown, cursor } : { cursor };
    }
    shown += 1;
    yield show(conversations.whole(position), filter);
  }
  return { cursor: null };
}
