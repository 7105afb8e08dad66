import { TAG_LENGTH } from './format';

const STARS = '*'.repeat(12);

/**
 * What lists show in place of a token, e.g. `ks_4fQa************9mYp`: enough to recognise it by, nothing to use it with.
 * What it shows is the workspace's tag and part of the checksum.
 */
export function maskToken(prefix: string, id: string, last4: string): string {
  return `${prefix}_${id.slice(0, TAG_LENGTH)}${STARS}${last4}`;
}

/** The same for a token that others made, from what is kept of its ends; nothing but stars where nothing is. */
export function maskImportedToken(first: string, last: string): string {
  return first + STARS + last;
}
