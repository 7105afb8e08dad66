import { JsonFilter } from '../../../stream/json-filter';
import { type BodyFilter, type FilterOptions, fail, HELD_BYTES, NOTHING, skipWhiteSpace } from '../body-filter';

/** A function name and `(`. Express writes an empty comment and a test that the function exists before it. */
const OPENING = /^\s*(?:\/\*\*\/)?\s*(?:typeof [\w$.[\]]+ === 'function' && )?[\w$.[\]]+\(/;
const CLOSING = /\)[ \t\r\n]*;?[ \t\r\n]*$/;
/** Bytes of the opening, and of the closing. */
const LONGEST = 1024;
const NO_CALL = 'A script that is not one call with one JSON value (JSONP) cannot be redacted.';

/** JSONP: one JSON value, or none, as the argument of a call. Any other script is rejected. It is held back until it is complete. */
export function filterJsonp(options: FilterOptions): BodyFilter {
  const value = new JsonFilter(options);
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  return {
    value,
    push(chunk) {
      heldBytes += chunk.length;
      if (heldBytes > HELD_BYTES) fail('A JSONP script is too long.');
      held.push(Buffer.from(chunk));
      return NOTHING;
    },
    end() {
      const script = Buffer.concat(held);
      if (script.length === 0) return NOTHING;
      const opening = OPENING.exec(script.toString('latin1', 0, LONGEST)) ?? fail(NO_CALL);
      const closing = CLOSING.exec(script.toString('latin1', Math.max(0, script.length - LONGEST))) ?? fail(NO_CALL);
      const from = opening[0].length;
      const to = script.length - closing[0].length;
      const argument = script.subarray(from, to);
      if (skipWhiteSpace(argument, 0) === argument.length) return script;
      const filtered = value.write(argument);
      value.end();
      return Buffer.concat([script.subarray(0, from), filtered, script.subarray(to)]);
    },
  };
}
