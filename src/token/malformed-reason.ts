import { CHECKSUM_LENGTH, ID_LENGTH, isTokenPrefix, SECRET_LENGTH } from './format';

const FORM = new RegExp(`^(\\w+)_[0-9A-Za-z]{${ID_LENGTH}}_[0-9A-Za-z]{${SECRET_LENGTH + CHECKSUM_LENGTH}}$`);
/** Longer than any token. Bounds the time of the regular expression. */
const MAX_LENGTH = 128;

/** Why `createTokenParser(prefix)` returned null for a string. For diagnosis only, never for a decision. */
export function malformedReason(text: string, prefix: string): 'malformed' | 'other_prefix' | 'checksum' {
  const found = text.length <= MAX_LENGTH ? FORM.exec(text)?.[1] : undefined;
  if (found === undefined || !isTokenPrefix(found)) return 'malformed';
  return found === prefix ? 'checksum' : 'other_prefix';
}
