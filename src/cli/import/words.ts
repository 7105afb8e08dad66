/** Words of exports for yes, no, nothing and the state of a key. */

const YES = new Set(['true', 't', 'yes', 'y', 'on', '1', "b'1'", '0x01', '\u0001']);
const NO = new Set(['false', 'f', 'no', 'n', 'off', '0', "b'0'", '0x00', '\u0000']);
const ZERO = /^(?:0+(?:\.0+)?|0000-00-00(?:[T ]00:00:00(?:\.0+)?Z?)?)$/;

const ACTIVE_STATUS = new Set(['active', 'enabled', 'valid', 'live', 'ok', 'current']);
const DISABLED_STATUS = new Set(['disabled', 'paused']);
const INACTIVE_STATUS = new Set(
  (
    'inactive revoked deleted archived suspended blocked banned expired removed invalid deactivated cancelled ' +
    'canceled terminated rotated retired compromised pending rejected draft withdrawn leaked invalidated ' +
    'trashed closed locked replaced superseded discarded voided frozen obsolete destroyed purged blacklisted ' +
    'stolen lost'
  ).split(' '),
);

/** Words in a longer string that say that a key has ended. */
const ENDED_WORDS =
  /\b(?:revoked|deleted|disabled|deactivated|inactive|suspended|blocked|banned|terminated|cancell?ed|invalidated|withdrawn|compromised|leaked|stolen|archived|expired)\b/i;

/** True if a string, such as a comment or "KEY_REVOKED", says that a key has ended. */
export function namesEnd(text: string): boolean {
  return ENDED_WORDS.test(text.replace(/_|(?<=[a-z])(?=[A-Z])/g, ' '));
}

export function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    (typeof value === 'string' && /^[ \t\r\n]*(?:null|\\N)?[ \t\r\n]*$/i.test(value))
  );
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value.toLowerCase().trim() : String(value);
}

/** True or false, or undefined if the value is neither. */
export function toBoolean(value: unknown): boolean | undefined {
  const word = typeof value === 'string' && value.length === 1 ? value.toLowerCase() : wordOf(value);
  return YES.has(word) ? true : NO.has(word) ? false : undefined;
}

/** True if an ending time, flag or reason is set. Only an empty value, "no" and zero are not. */
export function isSet(value: unknown): boolean {
  return !isEmpty(value) && toBoolean(value) !== false && !ZERO.test(wordOf(value));
}

/** The state that a word means, or undefined if it means none. */
export function statusOf(value: unknown): 'active' | 'disabled' | 'inactive' | undefined {
  const word = wordOf(value ?? '');
  if (ACTIVE_STATUS.has(word)) return 'active';
  if (DISABLED_STATUS.has(word)) return 'disabled';
  return INACTIVE_STATUS.has(word) ? 'inactive' : undefined;
}
