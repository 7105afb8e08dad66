import { KeyscopeError } from '../../errors';

/** What can be wrong with a JSON text. The order is that of the numbers in wasm/scanner.wat. */
export const JSON_ERRORS = [
  'a control character in a string',
  'a comma or the right closing bracket is expected',
  'a member name is expected',
  'a colon is expected',
  'a value is expected',
  'a number is broken off',
  'an unknown escape in a string',
  'a broken \\u escape in a string',
] as const;

export const [CONTROL, SEPARATOR, NAME, COLON, VALUE, NUMBER, ESCAPE, UNICODE] = JSON_ERRORS;

/** What is wrong with a body, and at which byte of the piece being read. Thrown inside the filter, never out of it. */
export class JsonError {
  readonly what: string;
  readonly at: number;

  constructor(what: string, at: number) {
    this.what = what;
    this.at = at;
  }
}

export function unredactable(what: string, at: number): KeyscopeError {
  return new KeyscopeError('unredactable_response', `The response cannot be redacted: ${what}, at byte ${at}.`);
}
