import { CHANNELS, type Conversation, type Facts, type Metrics, type Project, type Turn } from './model';
import { HANDOFF_DESTINATIONS, HANDOFF_REASONS, LANGUAGES } from './phrases';
import { createRandom, type Random } from './random';
import { writeTurns } from './turns';

/** Between two conversations of a project, on average. */
const STEP = 7 * 60 * 1000;
const IN_PROGRESS = 3;

/** A project's conversations, numbered from 0, the newest. Only ids are kept; each conversation is generated when read. */
export interface Conversations {
  readonly count: number;
  facts(position: number): Facts;
  whole(position: number): Conversation;
  /** The position of a conversation, by its id. */
  positionOf(id: string): number | undefined;
  /** The position of a handed-over conversation, by the id that the receiving side uses. */
  positionOfShared(sharedId: string): number | undefined;
}

function writeFacts(project: Project, newest: number, position: number): Facts {
  const random = createRandom(`facts ${project.id} ${position}`);
  const variant = random.between(1, 3);
  const id = `CA${random.hex(32)}`;
  const handoff = random.chance(0.3);
  return {
    id,
    startedAt: newest - position * STEP - random.between(0, STEP - 1),
    environment: random.chance(0.7) ? 'live' : random.chance(0.7) ? 'sandbox' : 'pre-release',
    channel: random.chance(0.6) ? CHANNELS[0] : random.pick([CHANNELS[1], CHANNELS[2]]),
    variantId: `VARIANT-${project.id.slice(-4)}${variant}`,
    variantName: ['default', 'Köln', '東京'][variant - 1] as string,
    inProgress: position < IN_PROGRESS,
    handoff,
    sharedId: handoff && random.chance(0.5) ? `${project.slug}_${random.hex(20)}` : null,
    language: random.chance(0.6) ? 0 : random.between(1, LANGUAGES.length - 1),
  };
}

interface Handoff {
  readonly reason: string;
  readonly destination: string;
}

function writeMetrics(random: Random, facts: Facts, turns: readonly Turn[], handoff: Handoff | null): Metrics {
  const metrics: Record<string, string | string[]> = {
    CALL_IN_PROGRESS: String(facts.inProgress),
    CALL_COMPLETED: String(!facts.inProgress && handoff === null),
    CALL_REGION: random.pick(['London', 'München', '大阪', '']),
    CALL_NOTE: random.chance(0.5) ? '' : 'Rückruf gewünscht 📞',
    CSAT_SCORE: random.chance(0.4) ? String(random.between(1, 5)) : '',
    CUSTOMER_VERIFIED: String(random.chance(0.6)),
    BOOKING_REFERENCE: random.chance(0.5) ? `B-${random.hex(6).toUpperCase()}` : '',
  };
  // A name that was written once has a string, one that was written more often an array.
  const [first, ...more] = turns.map((turn) => turn.agent_response_datetime);
  if (first !== undefined) metrics.CALL_TURN = more.length === 0 ? first : [first, ...more];
  const intents = turns.flatMap((turn) => turn.intents);
  if (intents[0] !== undefined) metrics.INTENT = intents.length === 1 ? intents[0] : intents;
  if (handoff) {
    metrics.HANDOFF_TO = handoff.destination;
    metrics.HANDOFF_REASON = handoff.reason;
  }
  return metrics;
}

function writeConversation(project: Project, facts: Facts): Conversation {
  const random = createRandom(`conversation ${facts.id}`);
  const turns = writeTurns(random, facts, random.between(facts.inProgress ? 1 : 2, 14));
  const handoff = facts.handoff
    ? { reason: random.pick(HANDOFF_REASONS), destination: random.pick(HANDOFF_DESTINATIONS) }
    : null;
  const spoken = (Date.parse(turns.at(-1)?.agent_response_datetime ?? '') - facts.startedAt) / 1000;
  const polyaiDuration = Math.round(spoken) + 4;
  const phone = facts.channel === 'VOICE-SIP';
  return {
    id: facts.id,
    account_id: project.workspaceId,
    project_id: project.id,
    variant_id: facts.variantId,
    variant_name: facts.variantName,
    environment: facts.environment,
    started_at: new Date(facts.startedAt).toISOString(),
    channel: facts.channel,
    from_number: phone ? `+4479460${String(random.between(0, 99_999)).padStart(5, '0')}` : '',
    to_number: phone ? '+442079460000' : '',
    in_progress: facts.inProgress,
    num_turns: turns.length,
    total_duration: polyaiDuration + (handoff ? random.between(20, 400) : 0),
    polyai_duration: polyaiDuration,
    handoff: facts.handoff,
    ...(handoff && { handoff_reason: handoff.reason, handoff_destination: handoff.destination }),
    num_silences: turns.filter((turn) => turn.is_silence).length,
    num_ood: turns.filter((turn) => turn.is_ood).length,
    metrics: writeMetrics(random, facts, turns, handoff),
    state: {
      tier: random.pick(['gold', 'silver', '標準']),
      verified: random.chance(0.5),
      basket: [],
      last_offer: null,
    },
    turns,
  };
}

/** @param newest The newest conversation begins at most one step before this time. */
export function createConversations(project: Project, newest: number): Conversations {
  let positions: { readonly byId: Map<string, number>; readonly bySharedId: Map<string, number> } | undefined;

  /** Built at the first lookup of an id: lists do not need it. */
  function index(): NonNullable<typeof positions> {
    if (positions === undefined) {
      const byId = new Map<string, number>();
      const bySharedId = new Map<string, number>();
      for (let position = 0; position < project.conversations; position += 1) {
        const { id, sharedId } = writeFacts(project, newest, position);
        byId.set(id, position);
        if (sharedId !== null) bySharedId.set(sharedId, position);
      }
      positions = { byId, bySharedId };
    }
    return positions;
  }

  return {
    count: project.conversations,
    facts: (position) => writeFacts(project, newest, position),
    whole: (position) => writeConversation(project, writeFacts(project, newest, position)),
    positionOf: (id) => index().byId.get(id),
    positionOfShared: (sharedId) => index().bySharedId.get(sharedId),
  };
}
