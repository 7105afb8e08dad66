import type { Agent, Agents, Key, Metrics } from './api/types';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const WARNED_WITHIN = 14 * DAY;

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
/** "next year" may be in a week; "in 1 year" is not. */
const inNumbers = new Intl.RelativeTimeFormat('en', { numeric: 'always' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });
const number = new Intl.NumberFormat('en');
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
export function exactly(time: string): string {
  return exact.format(new Date(time));
}
export function onDay(time: string): string {
  return day.format(new Date(time));
}

/** "16 days ago", "in 3 hours". */
export function relatively(time: string, now = Date.now()): string {
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
  const left = Date.parse(expiresAt) - now;
  if (left <= 0) return 'past';
  return left <= WARNED_WITHIN ? 'soon' : 'later';
}

/** What people call an agent: its name where the app has told one. */
export function agentName(id: string, agents: readonly Agent[]): string {
  return agents.find((agent) => agent.id === id)?.name ?? id;
}

export function describeAgents(scope: Agents, agents: readonly Agent[]): string {
  if (scope === 'all') return 'All agents';
  const names = scope.map((id) => agentName(id, agents));
  return names.length <= 2 ? names.join(', ') : `${names[0]} and ${names.length - 1} more`;
}

export function describeMetrics(metrics: Metrics): string {
  if (metrics === 'all') return 'All metrics';
  return metrics.length === 0 ? 'No metrics' : metrics.join(', ');
}
