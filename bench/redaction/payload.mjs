// A page of conversations like the example app's: nine tenths of the bytes are turns, some text is not ASCII, and each
// conversation has twelve metrics, four of them enabled.
const TURNS = 25;
const METRICS = [
  ...['CALL_IN_PROGRESS', 'CALL_COMPLETED', 'CALL_REGION', 'CALL_NOTE', 'CSAT_SCORE', 'CUSTOMER_VERIFIED'],
  ...['BOOKING_REFERENCE', 'INTENT', 'HANDOFF_TO', 'HANDOFF_REASON', 'QUEUE_SECONDS', 'SPEECH_RATE'],
];
export const ENABLED_METRICS = ['CALL_COMPLETED', 'CSAT_SCORE', 'INTENT', 'HANDOFF_REASON'];

const SAID = [
  ['I’d like to book a table for four 🎉', ''],
  ['Können Sie mir sagen, wo meine Bestellung bleibt? Die Nummer ist "KX-204".', 'Can you tell me where my order is?'],
  ['予約を変更したいのですが', 'I would like to change my booking'],
  ['yes', ''],
];
const ANSWERED = [
  ['Of course. For which day would you like it?', ''],
  ['ご注文は明日発送されます。ほかにご用件はございますか。', 'Your order ships tomorrow. Is there anything else?'],
  ['Das tut mir leid. Ich habe Ihnen den zweiten Betrag erstattet.', 'I am sorry. I have refunded the second charge.'],
];

function turn(index) {
  const [text, english] = SAID[index % SAID.length];
  const [response, englishResponse] = ANSWERED[index % ANSWERED.length];
  const at = new Date(Date.UTC(2026, 7, 1, 12, 0, index)).toISOString();
  return {
    user_input: text,
    user_input_dtmf: '',
    user_input_datetime: at,
    agent_response: response,
    agent_response_datetime: at,
    latency: 0.3 + (index % 17) / 10,
    translated_user_input: english,
    english_agent_response: englishResponse,
    intents: ['book'],
    entities: index % 5 === 0 ? [{ day: ['Friday', 'Saturday'] }] : [],
    is_ood: false,
    is_silence: index % 11 === 0,
  };
}

function conversation(index) {
  return {
    id: `CA${String(index).padStart(32, '0')}`,
    account_id: 'ws-fd112d8f',
    project_id: `PROJECT-${index % 3}`,
    variant_id: 'VARIANT-1',
    variant_name: 'Köln',
    environment: 'live',
    started_at: '2026-08-01T12:00:00.000Z',
    channel: 'VOICE-SIP',
    from_number: '+447946000000',
    to_number: '+442079460000',
    in_progress: false,
    num_turns: TURNS,
    total_duration: 190,
    polyai_duration: 180,
    handoff: true,
    handoff_reason: 'payment_dispute',
    handoff_destination: 'équipe-paris',
    num_silences: 2,
    num_ood: 0,
    metrics: Object.fromEntries(METRICS.map((name, i) => [name, `value ${index + i}`])),
    state: { tier: 'gold', verified: true, basket: [], last_offer: null },
    turns: Array.from({ length: TURNS }, (_, i) => turn(index + i)),
  };
}

/** A page as an object, as a handler would have it: parsed, so that no text in it is put together of parts. */
export function createPage(conversations = 100) {
  const page = { conversations: Array.from({ length: conversations }, (_, i) => conversation(i)), cursor: null };
  return JSON.parse(JSON.stringify(page));
}

/** One JSON text of at least so many bytes, in pieces as a socket would deliver them. */
export function createStream(bytes, pieceSize) {
  const { conversations } = createPage();
  const some = Buffer.from(conversations.map((one) => JSON.stringify(one)).join(','));
  const body = [Buffer.from('{"conversations":[')];
  for (let size = 0; size < bytes; size += some.length + 1) body.push(...(size > 0 ? [Buffer.from(',')] : []), some);
  body.push(Buffer.from('],"cursor":null}'));
  const whole = Buffer.concat(body);
  const pieces = [];
  for (let at = 0; at < whole.length; at += pieceSize) pieces.push(whole.subarray(at, at + pieceSize));
  return { pieces, length: whole.length };
}
