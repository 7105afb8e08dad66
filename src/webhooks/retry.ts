import { DAY } from '../clock';

const FIRST_DELAY = 5000;
const MAX_DELAY = DAY / 4;
/** Milliseconds. */
const POSTPONEMENT = 60_000;
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

/** Milliseconds that a delivery waits because its endpoint fails, and another one is being sent to it. */
export function postponement(): number {
  return Math.ceil(POSTPONEMENT * jitter());
}

/** Milliseconds until the next attempt: 5 s, 20 s, 80 s, … 6 hours, with jitter, or what the endpoint asks for. */
export function retryDelay(failures: number, retryAfter: string | null, now: number): number {
  const delay = Math.min(MAX_DELAY, FIRST_DELAY * 4 ** (failures - 1)) * jitter();
  return Math.ceil(Math.max(delay, readRetryAfter(retryAfter, now)));
}
