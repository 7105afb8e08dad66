const CLASSES: Readonly<Record<string, string>> = {
  a: 'A-Za-z',
  d: '0-9',
  l: 'a-z',
  s: '\\s',
  u: 'A-Z',
  w: 'A-Za-z0-9',
  x: 'A-Fa-f0-9',
  p: '!-\\/:-@\\[-`{-~',
};

const known = new Map<string, RegExp>();

function escapeCharacter(character: string): string {
  return /[a-zA-Z0-9]/.test(character) ? character : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function readClass(letter: string, inSet: boolean): string {
  const lower = CLASSES[letter.toLowerCase()];
  if (lower === undefined || !/[a-zA-Z]/.test(letter)) {
    if (/[a-zA-Z0-9]/.test(letter)) throw new Error(`The Lua model does not know the pattern %${letter}.`);
    return escapeCharacter(letter);
  }
  if (letter === letter.toLowerCase()) return inSet ? lower : `[${lower}]`;
  if (inSet) throw new Error('The Lua model knows no negated class within a set.');
  return `[^${lower}]`;
}

/** A pattern of Lua as a regular expression. */
export function toRegExp(pattern: string): RegExp {
  const found = known.get(pattern);
  if (found !== undefined) return found;
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    if (character === '%') source += readClass(pattern[++i]!, false);
    else if (character === '[') {
      let set = '[';
      i += 1;
      if (pattern[i] === '^') set += pattern[i++];
      for (; pattern[i] !== ']'; i++) {
        if (pattern[i] === '%') set += readClass(pattern[++i]!, true);
        else set += pattern[i] === '-' ? '-' : escapeCharacter(pattern[i]!);
      }
      source += `${set}]`;
    } else if (character === '-') source += '*?';
    else if ('*+?().'.includes(character)) source += character;
    else if ((character === '^' && i === 0) || (character === '$' && i === pattern.length - 1)) source += character;
    else source += escapeCharacter(character);
  }
  const expression = new RegExp(source, 's');
  known.set(pattern, expression);
  return expression;
}
