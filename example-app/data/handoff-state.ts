import type { Conversations } from './conversations';
import { createRandom } from './random';

/** The state that an agent leaves for the side that takes a conversation over. */
export interface HandoffState {
  readonly id: string;
  readonly shared_id?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Null if the conversation was not handed over. */
export function handoffStateOf(conversations: Conversations, position: number): HandoffState | null {
  const { id, handoff, sharedId } = conversations.facts(position);
  if (!handoff) return null;
  const random = createRandom(`handoff ${id}`);
  return {
    id,
    ...(sharedId !== null && { shared_id: sharedId }),
    data: {
      customer_id: String(random.between(10_000, 99_999)),
      authenticated: random.chance(0.7),
      preferred_name: random.pick(['Zoë', '山田', 'אורי', '']),
      open_orders: random.between(0, 3),
    },
  };
}
