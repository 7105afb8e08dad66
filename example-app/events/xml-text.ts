/** Deeper than any event is. */
const MAX_DEPTH = 64;

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** One piece of markup, or a run of text. Every alternative begins with another character, so none is tried in vain. */
const TOKEN =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<\/([^\s<>/]+)\s*>|<([^\s<>/!?]+)((?:\s+[^\s=<>"'/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;

function decode(text: string): string {
  return text.replaceAll(/&(#x?[0-9a-f]+|[a-z]+);/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return Object.hasOwn(ENTITIES, name) ? (ENTITIES[name] as string) : whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** `soap:Body` is `Body` here: senders choose prefixes as they like. */
function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/**
 * The text of the first element at a path of element names, the root's first. Undefined where there is none, or where
 * the text is not XML, or brings a DOCTYPE: what entities it declares is nobody's to expand.
 */
export function xmlText(xml: string, path: readonly string[]): string | undefined {
  const open: string[] = [];
  let found: string | undefined;
  let collecting = '';
  let rooted = false;
  const atPath = () => open.length === path.length && open.every((name, depth) => localName(name) === path[depth]);

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
