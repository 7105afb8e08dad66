import { DAY } from '../clock';

const FIRST_DELAY = 5000;
const MAX_DELAY = DAY / 4;
/** Milliseconds that deliveries wait for others to an endpoint that fails. */
const POSTPONEMENT = 60_000;
/** Milliseconds over which those are spread that wait for the end of one request. */
const SPREAD = 5000;
/**
 * Deliveries of one round that wait only for the end of the request in progress. The others wait longer, so that the long
 * queue of one endpoint takes few writes, and comes after the deliveries to others.
 */
const SOON = 16;
/** With these delays, the last attempt is about a day after the first. */
export const MAX_ATTEMPTS = 11;

/** Milliseconds that `Retry-After` states, at most a day; 0 if it states none (RFC 9110 section 10.2.3). */
function readRetryAfter(value: string | null, now: number): number {
  if (value === null) return 0;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return ms > 0 ? Math.min(ms, DAY) : 0;
}

function jitter(): number {
  return 0.75 + Math.random() / 2;
}

/**
 * Milliseconds that a delivery waits because its endpoint fails, and another one is being sent to it.
 *
 * @param place Place of the delivery among those that are postponed together.
 * @param left Milliseconds until the request in progress times out.
 */
export function postponement(place: number, left: number): number {
  const wait = place < SOON ? Math.max(0, left) + SPREAD * Math.random() : POSTPONEMENT * jitter();
  return Math.ceil(wait);
}

/** Milliseconds until the next attempt: 5 s, 20 s, 80 s, … 6 hours, with jitter, or what the endpoint asks for. */
export function retryDelay(failures: number, retryAfter: string | null, now: number): number {
  const delay = Math.min(MAX_DELAY, FIRST_DELAY * 4 ** (failures - 1)) * jitter();
  return Math.ceil(Math.max(delay, readRetryAfter(retryAfter, now)));
}
