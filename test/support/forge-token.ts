/** A token that differs in one character. `at` counts from the end if it is negative. */
export function forgeToken(token: string, at: number): string {
  const index = at < 0 ? token.length + at : at;
  return `${token.slice(0, index)}${token[index] === 'X' ? 'Y' : 'X'}${token.slice(index + 1)}`;
}
