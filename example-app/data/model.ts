/** A tenant of the platform: `account_id` in the API. */
export interface Workspace {
  /** e.g. `ws-fd112d8f`. */
  readonly id: string;
  /** The readable form that the API accepts in place of the id, e.g. `acme-uk`. */
  readonly slug: string;
  readonly name: string;
}

/** A voice agent: `project_id` in the older parts of the API, `agentId` in the newer. */
export interface Project {
  /** e.g. `PROJECT-58RP822I`. */
  readonly id: string;
  /** e.g. `acme-team-4`. */
  readonly slug: string;
  readonly name: string;
  readonly workspaceId: string;
  /** How many conversations it has had. */
  readonly conversations: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export const ENVIRONMENTS = ['live', 'sandbox', 'pre-release'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

export const CHANNELS = ['VOICE-SIP', 'WEBCHAT', 'CHAT'] as const;
export type Channel = (typeof CHANNELS)[number];

/** The metrics that conversations of this platform have. */
export const METRIC_NAMES = [
  'CALL_IN_PROGRESS',
  'CALL_COMPLETED',
  'CALL_REGION',
  'CALL_NOTE',
  'CALL_TURN',
  'CSAT_SCORE',
  'CUSTOMER_VERIFIED',
  'BOOKING_REFERENCE',
  'INTENT',
  'HANDOFF_TO',
  'HANDOFF_REASON',
] as const;

/** Name to value, or to all values if a name was written more than once. */
export type Metrics = Readonly<Record<string, string | readonly string[]>>;

/** One exchange. Empty text is `""`, never null. */
export interface Turn {
  readonly user_input: string;
  readonly user_input_dtmf: string;
  readonly user_input_datetime: string;
  readonly agent_response: string;
  readonly agent_response_datetime: string;
  /** Seconds. Sent only if it was asked for. */
  readonly latency?: number;
  readonly translated_user_input: string;
  readonly english_agent_response: string;
  readonly intents: readonly string[];
  readonly entities: readonly Readonly<Record<string, string | readonly string[]>>[];
  readonly is_ood: boolean;
  readonly is_silence: boolean;
}

/** The members that filters read. Cheap to generate, so that a search generates only matching conversations. */
export interface Facts {
  readonly id: string;
  /** Milliseconds since the epoch; a project's conversations are numbered from the newest to the oldest. */
  readonly startedAt: number;
  readonly environment: Environment;
  readonly channel: Channel;
  readonly variantId: string;
  readonly variantName: string;
  readonly inProgress: boolean;
  readonly handoff: boolean;
  /** The id under which the receiving side of a handoff knows the conversation; not every handoff has one. */
  readonly sharedId: string | null;
  /** An index into the languages the agents speak. */
  readonly language: number;
}

/** A conversation as v3 of the API shows it. Durations in seconds. */
export interface Conversation {
  readonly id: string;
  readonly account_id: string;
  readonly project_id: string;
  readonly variant_id: string;
  readonly variant_name: string;
  readonly environment: Environment;
  readonly started_at: string;
  readonly channel: Channel;
  readonly from_number: string;
  readonly to_number: string;
  readonly in_progress: boolean;
  readonly num_turns: number;
  readonly total_duration: number;
  readonly polyai_duration: number;
  readonly handoff: boolean;
  readonly handoff_reason?: string;
  readonly handoff_destination?: string;
  readonly num_silences: number;
  readonly num_ood: number;
  readonly metrics: Metrics;
  readonly state: unknown;
  readonly turns: readonly Turn[];
}
