/** Events are not nested deeper. */
const MAX_DEPTH = 64;

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** One piece of markup, or a run of text. Every alternative begins with another character, so matching is linear. */
const TOKEN =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<\/([^\s<>/]+)\s*>|<([^\s<>/!?]+)((?:\s+[^\s=<>"'/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;

function decode(text: string): string {
  return text.replaceAll(/&(#x?[0-9a-f]+|[a-z]+);/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return Object.hasOwn(ENTITIES, name) ? (ENTITIES[name] as string) : whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** `soap:Body` is `Body`: senders choose the prefixes. */
function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/**
 * The text of the first element at a path of element names. Undefined if there is none, or if the text is not XML or
 * has a DOCTYPE, whose entities are never expanded.
 *
 * @param belowRoot The path begins below the root element: `['cid']` finds `<root><cid>`.
 */
export function xmlText(xml: string, path: readonly string[], belowRoot = false): string | undefined {
  const open: string[] = [];
  let found: string | undefined;
  let collecting = '';
  let rooted = false;
  const skipped = belowRoot ? 1 : 0;
  const atPath = () =>
    open.length === path.length + skipped &&
    open.every((name, depth) => depth < skipped || localName(name) === path[depth - skipped]);

  function enter(name: string): boolean {
    if ((open.length === 0 && rooted) || open.length === MAX_DEPTH) return false;
    rooted = true;
    open.push(name);
    if (found === undefined && atPath()) collecting = '';
    return true;
  }

  function leave(name: string): boolean {
    if (open.at(-1) !== name) return false;
    if (found === undefined && atPath()) found = collecting;
    open.pop();
    return true;
  }

  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < xml.length) {
    const token = TOKEN.exec(xml);
    if (token === null) return undefined;
    const [, data, closed, opened, , empty, text] = token;
    if (opened !== undefined) {
      if (!enter(opened) || (empty === '/' && !leave(opened))) return undefined;
    } else if (closed !== undefined) {
      if (!leave(closed)) return undefined;
    } else if (data !== undefined || text !== undefined) {
      if (open.length === 0 && (data !== undefined || text?.trim() !== '')) return undefined;
      if (atPath()) collecting += data ?? decode(text ?? '');
    }
  }
  return open.length === 0 && rooted ? found?.trim() : undefined;
}
