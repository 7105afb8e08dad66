/** A JSON Schema, as OpenAPI 3.1 has it. */
export type Schema = Readonly<Record<string, unknown>>;

export const string: Schema = { type: 'string' };
export const boolean: Schema = { type: 'boolean' };
const count: Schema = { type: 'integer', minimum: 0 };
const time: Schema = { type: 'string', format: 'date-time' };

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** An object with these members and no others. Members are required unless listed as optional. */
export function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

const array = (items: Schema): Schema => ({ type: 'array', items });

const Metrics: Schema = {
  type: 'object',
  description: 'Name to value, or to all values if a name was written more than once. `{}` unless enabled.',
  additionalProperties: { oneOf: [string, { type: 'array', items: string, minItems: 2 }] },
};

const Turn = object(
  {
    user_input: string,
    user_input_dtmf: string,
    user_input_datetime: time,
    agent_response: string,
    agent_response_datetime: time,
    latency: { type: 'number', description: 'Seconds; only with `include_latency=true`.' },
    translated_user_input: string,
    english_agent_response: string,
    intents: array(string),
    entities: array({ type: 'object', additionalProperties: { oneOf: [string, array(string)] } }),
    is_ood: boolean,
    is_silence: boolean,
  },
  ['latency'],
);

const Conversation = object(
  {
    id: string,
    account_id: string,
    project_id: string,
    variant_id: string,
    variant_name: string,
    environment: { enum: ['live', 'sandbox', 'pre-release'] },
    started_at: time,
    channel: string,
    from_number: string,
    to_number: string,
    in_progress: boolean,
    num_turns: count,
    total_duration: count,
    polyai_duration: count,
    handoff: boolean,
    handoff_reason: string,
    handoff_destination: string,
    num_silences: count,
    num_ood: count,
    metrics: ref('Metrics'),
    state: { description: 'Whatever the agent keeps.' },
    turns: array(ref('Turn')),
  },
  ['handoff_reason', 'handoff_destination'],
);

const ConversationPage = object(
  {
    conversations: array(ref('Conversation')),
    next_offset: count,
    cursor: { type: ['string', 'null'], description: 'Where the next page begins; null on the last page.' },
  },
  ['next_offset'],
);

const ConversationDetail = object(
  {
    conversationId: string,
    accountId: string,
    projectId: string,
    createdAt: time,
    startedAt: time,
    finishedAt: time,
    channel: string,
    fromNumber: string,
    toNumber: string,
    language: string,
    variantId: string,
    clientEnv: string,
    totalDuration: count,
    polyaiDuration: count,
    duration: count,
    inProgress: boolean,
    handoff: boolean,
    handoffDestination: string,
    handoffReason: string,
    direction: { enum: ['inbound', 'outbound'] },
    tags: array(string),
    polyScore: { type: 'number' },
    shortSummary: { type: 'string', description: 'JSON text: `{ heading, content }`.' },
    deploymentId: string,
    note: string,
    audioUrl: string,
    turns: array(ref('Turn')),
    metrics: ref('Metrics'),
    functionEvents: {
      type: 'object',
      additionalProperties: array(object({ at: time, arguments: { type: 'object' }, ok: boolean })),
    },
  },
  ['finishedAt', 'handoffDestination', 'handoffReason'],
);

const Agent = object({
  accountId: string,
  agentId: string,
  agentName: string,
  createdAt: time,
  updatedAt: time,
  branchCount: count,
});

const ErrorEnvelope = object({
  success: { const: false },
  error: string,
  error_id: { type: 'string', description: 'The X-PolyAI-Correlation-Id of the response.' },
  error_code: { type: 'string', pattern: '^[A-Z][A-Z_]*$' },
  error_message: string,
  data: { type: 'null' },
});

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Metrics,
  Turn,
  Conversation,
  ConversationPage,
  ConversationDetail,
  Agent,
  HandoffState: object({ id: string, shared_id: string, data: { type: 'object' } }, ['shared_id']),
  ErrorEnvelope,
  PlainError: object({ error_message: string }),
};
