import type { Conversation, Turn } from './model';
import { type Sound, writeWav } from './wav';

export const DIRECTIONS = ['combined', 'user', 'agent'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** Long enough to hear a turn go by, short enough that a call is some tens of kilobytes. */
const TURN = 120;

/** A caller's voice is higher than the agent's; keys that were pressed beep higher still. */
function userSound(turn: Turn, redacted: boolean): Sound {
  if (turn.user_input_dtmf !== '') return { frequency: redacted ? 0 : 941, milliseconds: TURN };
  return { frequency: turn.user_input === '' ? 0 : 440, milliseconds: TURN };
}

/**
 * The recording of a call. `direction` leaves one side's voice; `redacted` silences the keys a caller pressed, which
 * tend to be card numbers.
 */
export function recordingOf(conversation: Conversation, direction: Direction, redacted: boolean): Buffer {
  const pause = { frequency: 0, milliseconds: TURN };
  return writeWav(
    conversation.turns.flatMap((turn) => [
      direction === 'agent' ? pause : userSound(turn, redacted),
      direction === 'user' ? pause : { frequency: 220, milliseconds: TURN },
    ]),
  );
}
