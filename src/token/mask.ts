/** Characters of the id that are shown: the tag, which all keys of a workspace share, and 4 that tell them apart. */
const SHOWN_ID_LENGTH = 8;
const STARS = '*'.repeat(12);

/** Masked form of a token for lists, e.g. `ks_4fQaB91z************9mYp`: the start of its id and the end of its checksum. */
export function maskToken(prefix: string, id: string, last4: string): string {
  return `${prefix}_${id.slice(0, SHOWN_ID_LENGTH)}${STARS}${last4}`;
}

/** Masked form of an imported token. Only asterisks if its ends are not stored. */
export function maskImportedToken(first: string, last: string): string {
  return first + STARS + last;
}
