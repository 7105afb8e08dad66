import { acceptedPrefixes, type EnvironmentRule, environmentHint, isOtherEnvironment, prefixOf } from './environment';
import { CHECKSUM_LENGTH, ID_LENGTH, isTokenPrefix, SECRET_LENGTH, tokenPattern } from './format';

const FORM = new RegExp(`^(\\w+)_[0-9A-Za-z]{${ID_LENGTH}}_[0-9A-Za-z]{${SECRET_LENGTH + CHECKSUM_LENGTH}}$`);
/** Longer than any token with something around it. Bounds the time of the regular expressions. */
const MAX_LENGTH = 256;

/** Reason why a string is no token of this app, and a sentence about it that does not quote the string. */
export interface Malformed {
  readonly reason: 'malformed' | 'other_prefix' | 'other_environment' | 'checksum';
  readonly hint: string;
}

function hintOf(text: string, prefix: string): string {
  if (text.length > MAX_LENGTH) return 'The value is longer than any token.';
  if (/^(?:undefined|null|None|NaN|\[object Object\])$/.test(text)) {
    return `The value is the word ${text}: the caller sends a variable that is not set.`;
  }
  if (/^\$|[{}<>%]/.test(text))
    return 'The value looks like the name of a variable that was not replaced by its value.';
  if (/^(?:Bearer|Basic|Token|ApiKey)\s/i.test(text)) return 'The value begins with a scheme. Send the token alone.';
  if (/^["'`]|["'`]$/.test(text)) return 'The value has quotes around it. Send the token alone.';
  if (tokenPattern(prefix).test(text)) return 'The value contains a token, and other characters around it.';
  if (text.startsWith(`${prefix}_`)) return 'The value begins like a token of this app, but was cut or extended.';
  return 'The value does not have the form of a token. It was cut, or it is another credential.';
}

/** Explains why a string is no token that an app accepts. For diagnosis only, never for a decision. */
export function explainMalformed(text: string, base: string, rule: EnvironmentRule): Malformed {
  const prefix = prefixOf(base, rule.environment);
  const found = text.length <= MAX_LENGTH ? FORM.exec(text)?.[1] : undefined;
  if (found === undefined || !isTokenPrefix(found)) return { reason: 'malformed', hint: hintOf(text, prefix) };
  const isAccepted = acceptedPrefixes(base, rule).includes(found);
  if (!isAccepted && isOtherEnvironment(found, base, rule)) {
    const environment = found === base ? null : found.slice(base.length + 1);
    return { reason: 'other_environment', hint: environmentHint(rule, environment) };
  }
  if (!isAccepted) {
    return {
      reason: 'other_prefix',
      hint: `The value has the form of a token with another prefix. This app's tokens begin with ${prefix}_.`,
    };
  }
  return {
    reason: 'checksum',
    hint: 'The value has the form of a token, but its checksum does not match: it was mistyped or cut.',
  };
}
