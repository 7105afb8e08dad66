import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { Deadline } from '../timeout';

/** Data that can lapse. */
interface Lapsing {
  isValid(wall: number): boolean;
}

interface ReadValidOptions {
  readonly clock: Clock;
  readonly storeTimeout: number;
  /** For both reads. Default: each has a `storeTimeout`, from the same time. */
  readonly deadline?: Deadline | undefined;
}

/**
 * Calls `conclude` with data from the store, in the turn of the event loop in which the data was checked: a reply can
 * have waited in a blocked process, and no request is accepted by data whose lease has lapsed. If the data changed while
 * it was read, or the reply came too late, reads once more within `storeTimeout`. After that, and if the store cannot
 * be read, the outcome is an error, `store_unavailable`.
 *
 * @param read - Reads the data. `isOwn`: for this caller only, so that it counts even if it changes again. A feed that is
 * lost and opened again and again invalidates everything each time.
 */
export async function readValid<Data extends Lapsing, Result>(
  read: (isOwn: boolean) => Promise<Data>,
  { clock, storeTimeout, deadline: given }: ReadValidOptions,
  conclude: (outcome: Data | KeyscopeError) => Result | Promise<Result>,
): Promise<Result> {
  const deadline = given ?? new Deadline(storeTimeout);
  const first = await outcomeOf(given === undefined ? read(false) : given.within(read(false)));
  if (isFinal(first, clock)) return conclude(first);
  const second = await outcomeOf(deadline.within(read(true)));
  if (isFinal(second, clock)) return conclude(second);
  const message = 'The data changed while it was read, or the reply came too late. Try again.';
  return conclude(new KeyscopeError('store_unavailable', message));
}

function outcomeOf<Data>(reading: Promise<Data>): Promise<Data | KeyscopeError> {
  return reading.catch((error: unknown) => {
    if (!(error instanceof KeyscopeError)) throw error;
    return error;
  });
}

function isFinal(outcome: Lapsing | KeyscopeError, clock: Clock): boolean {
  return outcome instanceof KeyscopeError || outcome.isValid(clock.wall());
}
