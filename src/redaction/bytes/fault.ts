import { KeyscopeError } from '../../errors';

/** What is wrong with a body, and at which byte of the piece being read. Thrown inside the filter, never out of it. */
export class Fault {
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
