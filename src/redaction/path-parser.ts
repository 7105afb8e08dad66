import { KeyscopeError } from '../errors';

/** One step of a path: into the member of that name, or (`null`) into each element of an array. */
export type Step = string | null;

const ACCEPTED = 'Paths look like turns, analysis.turns, legs[*].turns or data["na.me"]';

/** An unquoted name: whatever could not be mistaken for the grammar around it. */
const NAME = /[^.[\]"'*$\s]+/y;
/** A quoted name is a JSON string, so that every name can be written. */
const QUOTED = /\[("(?:[^"\\]|\\.)*")\]/y;
const EACH = '[*]';

function fail(option: string, text: string, what: string): never {
  throw new KeyscopeError(
    'invalid_options',
    `redactResponse: ${option} is ${JSON.stringify(text)}: ${what}. ${ACCEPTED}.`,
  );
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function quotedName(option: string, text: string, quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return fail(option, text, `${quoted} is not a JSON string`);
  }
}

/**
 * Reads a path: member names joined by dots, `[*]` for the elements of an array, `["na.me"]` for names with special
 * characters. A leading `$` is the starting point of the path, so `$` alone is that point itself.
 *
 * @param option - what to call it in the error, e.g. `transcript[0]`
 * @throws KeyscopeError `invalid_options` when it is no such path
 */
export function parsePath(text: string, option: string): readonly Step[] {
  const steps: Step[] = [];
  if (text === '') fail(option, text, 'it is empty');
  let at = text.startsWith('$') ? 1 : 0;
  while (at < text.length) {
    const before = at;
    if (text.startsWith(EACH, at)) {
      steps.push(null);
      at += EACH.length;
      continue;
    }
    const quoted = matchAt(QUOTED, text, at);
    if (quoted !== null) {
      steps.push(quotedName(option, text, quoted[1]!));
      at += quoted[0].length;
      continue;
    }
    if (text[at] === '[') fail(option, text, `only [*] or ["name"] may stand in brackets, at position ${at}`);
    if (before > 0) {
      if (text[at] !== '.') fail(option, text, `a dot or a bracket is expected at position ${at}`);
      at += 1;
    }
    const name = matchAt(NAME, text, at);
    if (name === null) fail(option, text, `a member name is expected at position ${at}`);
    steps.push(name[0]);
    at += name[0].length;
  }
  // Half of a surrogate pair has no UTF-8, so bodies could not be compared with it byte by byte.
  if (Buffer.from(text).toString() !== text || steps.some((step) => /\\ud/i.test(JSON.stringify(step)))) {
    fail(option, text, 'it is not well-formed Unicode');
  }
  return steps;
}
