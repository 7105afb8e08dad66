import { KeyscopeError } from '../../errors';

/** Syntax errors of a JSON text. The order is that of the numbers in wasm/scanner.wat. */
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

export const [, SEPARATOR, , COLON] = JSON_ERRORS;

/** An error in a body, at a byte of the piece being read. Thrown inside the filter, never out of it. */
export class JsonError {
  constructor(
    readonly what: string,
    readonly at: number,
  ) {}

  /** The position measures the unredacted body, so only the cause has it. `before`: bytes before the piece. */
  toKeyscopeError(before: number): KeyscopeError {
    const cause = new SyntaxError(`${this.what}, at byte ${before + this.at}`);
    return new KeyscopeError('unredactable_response', `The response cannot be redacted: ${this.what}.`, { cause });
  }
}
