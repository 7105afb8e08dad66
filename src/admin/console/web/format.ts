import type { Agent, Agents, Key, Metrics } from './api/types';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const WARNED_WITHIN = 14 * DAY;

const number = new Intl.NumberFormat();
/** Date and time in the browser's locale, with its time zone. */
const exact = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  timeZoneName: 'short',
});
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
/** With numbers, because "next year" may be in a week. */
const inNumbers = new Intl.RelativeTimeFormat('en', { numeric: 'always' });
const list = new Intl.ListFormat('en', { type: 'conjunction' });

export function count(n: number): string {
  return number.format(n);
}
export function counted(n: number, one: string, more = `${one}s`): string {
  return `${number.format(n)} ${n === 1 ? one : more}`;
}
export function listed(words: readonly string[]): string {
  return list.format(words);
}
/** Such as "29 Nov 2027, 17:17 GMT+1". */
export function exactTime(time: string): string {
  return exact.format(new Date(time));
}
/** Such as "29 Nov 2027". */
export function dateOf(time: string): string {
  return day.format(new Date(time));
}

/** Such as "16 days ago" or "in 3 hours". */
export function relativeTime(time: string, now = Date.now()): string {
  const distance = Date.parse(time) - now;
  const size = Math.abs(distance);
  if (size < MINUTE) return distance < 0 ? 'just now' : 'in a moment';
  if (size < HOUR) return relative.format(Math.trunc(distance / MINUTE), 'minute');
  if (size < DAY) return relative.format(Math.trunc(distance / HOUR), 'hour');
  if (size < 60 * DAY) return relative.format(Math.round(distance / DAY), 'day');
  if (size < 350 * DAY) return inNumbers.format(Math.round(distance / (30.44 * DAY)), 'month');
  return inNumbers.format(Math.round(distance / (365.25 * DAY)), 'year');
}

export type Expiry = 'past' | 'soon' | 'later';
export function expiryOf({ expiresAt }: Pick<Key, 'expiresAt'>, now = Date.now()): Expiry {
  if (expiresAt === null) return 'later';
  const left = Date.parse(expiresAt) - now;
  if (left <= 0) return 'past';
  return left <= WARNED_WITHIN ? 'soon' : 'later';
}

/** The name of an agent, or its id if the app has not named it. */
export function agentName(id: string, agents: readonly Agent[]): string {
  return agents.find((agent) => agent.id === id)?.name ?? id;
}

export function describeAgents(scope: Agents, agents: readonly Agent[]): string {
  if (scope === 'all') return 'All agents';
  const names = scope.map((id) => agentName(id, agents));
  return names.length <= 2 ? names.join(', ') : `${names[0]} and ${names.length - 1} more`;
}

export function describeMetrics(metrics: Metrics): string {
  if (metrics === 'all') return 'all metrics';
  return metrics.length === 0 ? 'no metrics' : `metrics ${metrics.join(', ')}`;
}

export function ownerText({ kind, id }: NonNullable<Key['owner']>): string {
  return `${kind} ${id}`;
}

export function metadataText(metadata: Key['metadata']): string {
  return Object.entries(metadata)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
}
