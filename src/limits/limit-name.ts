import type { LimitSubject, RateLimit } from '../store/limit-store';

const UNITS = [
  ['w', 604_800],
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

/** Seconds in the largest unit that divides them: `1m`, `90s`, `1d`. */
function shortTime(seconds: number): string {
  const [unit, length] = UNITS.find(([, each]) => seconds % each === 0) ?? (['s', 1] as const);
  return `${seconds / length}${unit}`;
}

function ownerOf(subject: LimitSubject): string {
  if ('address' in subject) return 'address';
  return 'projectId' in subject ? 'project' : (subject.permission ?? 'key');
}

/** Name of a limit in headers and problem documents: `key-1m`, `project-1d`; of a permission's, `conversations-1m`. */
export function limitName(subject: LimitSubject, { window }: RateLimit): string {
  return `${ownerOf(subject)}-${shortTime(window / 1000)}`;
}

/** `1000 requests per 1m`. */
export function describeLimit({ limit, window }: RateLimit): string {
  return `${limit} ${limit === 1 ? 'request' : 'requests'} per ${shortTime(window / 1000)}`;
}
