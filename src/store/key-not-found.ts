import { KeyscopeError } from '../errors';
import { isKeyId } from '../token/format';

/** Error for an unknown id. Quotes only the form of an id, because another string could be a token. */
export function keyNotFound(id: unknown): KeyscopeError {
  const message = isKeyId(id)
    ? `There is no key with the id ${id}.`
    : 'There is no such key. Expected the id of a key, 16 letters and digits; a token is not an id.';
  return new KeyscopeError('key_not_found', message);
}
