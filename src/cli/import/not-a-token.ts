/** Values in columns of tokens that are no tokens, with the sentence for each. */
const NO_TOKENS: readonly (readonly [RegExp, string])[] = [
  [/^(.)\1*$/s, 'It is one repeated character, like the line under a heading.'],
  [/\*{3}|\.{3}/, 'It is masked, so a part of the token is missing.'],
  [
    /^\$(?:2[abxy]?|argon2\w*|s?crypt|pbkdf2[\w-]*|[156y])\$|^(?:pbkdf2|bcrypt|argon2|scrypt|sha\d+)\w*\$|^\{[\w-]+\}/i,
    'It is a password hash, from which the token cannot be found.',
  ],
];

/** Says why a value is no token that a caller could send, or undefined if it may be one. */
export function notAToken(value: unknown): string | undefined {
  return typeof value === 'string' ? NO_TOKENS.find(([pattern]) => pattern.test(value))?.[1] : undefined;
}
