import querystring from 'node:querystring';
import type { Request } from 'express';
import { ABSENT, AMBIGUOUS, type Parameter, type ReadParameter } from './parameter';

/** `node:querystring` and `qs` silently ignore all parameters after this many. */
const PARSER_LIMIT = 1000;

function decode(text: string): string {
  return querystring.unescape(text.replaceAll('+', ' '));
}

/** The query of a URL, with a fragment if there is one: some readers do not cut it off. */
function searchOf(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at + 1);
}

/** PHP reads `a.b`, `a b` and `a[b` as `a_b`, and ignores white space before a name and everything after a NUL. */
function mangle(name: string): string {
  return (name.split('\0', 1)[0] as string).trim().replace(/[ .[]/g, '_');
}

/** Names that some parser takes for the same parameter have a spelling in common: `id`, `ID`, `id[]`, `id[a]`, `[id]`. */
function spellingsOf(decodedName: string): string[] {
  const name = decodedName.toLowerCase();
  return [mangle(name), mangle(name.split(/[[\]]/).find((part) => part !== '') ?? '')];
}

/** The names in a query, and in what follows a `;` or `#`, which some parsers take for a separator. */
function namesIn(search: string): string[] {
  return search.split(/[&;#]/, PARSER_LIMIT).map((part) => decode(part.split('=', 1)[0] as string));
}

/**
 * Compiles a reader for a query parameter. The value counts only if every reader of the URL finds the same one: the
 * handler, a proxied upstream, a parser with other rules for brackets, case, separators or limits. So the name has to
 * occur once in the raw query, in any spelling, among fewer parameters than parsers read.
 */
export function createReadQueryParameter(name: string): ReadParameter {
  const spellings = spellingsOf(name);

  function readSearch(search: string): Parameter {
    if (search === '') return ABSENT;
    const names = namesIn(search);
    if (names.length >= PARSER_LIMIT) return AMBIGUOUS;
    const similar = names.filter((other) => spellingsOf(other).some((spelling) => spellings.includes(spelling)));
    if (similar.length === 0) return ABSENT;
    if (similar.length > 1 || similar[0] !== name) return AMBIGUOUS;
    const part = search.split('&').find((each) => decode(each.split('=', 1)[0] as string) === name);
    if (part === undefined || /[;#]/.test(part)) return AMBIGUOUS;
    const value = part.includes('=') ? decode(part.slice(part.indexOf('=') + 1)) : '';
    return value === '' ? ABSENT : { value, ambiguous: false };
  }

  /** A parser that is disabled leaves an empty object: then the handler reads the URL, as this module does. */
  function isParsedAs(query: unknown, value: string): boolean {
    if (typeof query !== 'object' || query === null) return true;
    if (Object.hasOwn(query, name)) return (query as Record<string, unknown>)[name] === value;
    return Object.keys(query).length === 0;
  }

  return function readQueryParameter(req: Request) {
    const search = searchOf(req.url);
    const parameter = readSearch(search);
    if (parameter.value !== undefined && !isParsedAs(req.query, parameter.value)) return AMBIGUOUS;
    // A middleware can have rewritten the URL. Upstreams may receive the original one.
    const original = searchOf(req.originalUrl ?? req.url);
    if (original === search) return parameter;
    const stated = readSearch(original);
    if (stated.ambiguous || (stated.value !== undefined && stated.value !== parameter.value)) return AMBIGUOUS;
    return parameter;
  };
}

/** A URL without a query parameter. All other bytes stay. */
function without(url: string, name: string): string {
  const at = url.indexOf('?');
  if (at === -1) return url;
  const kept = searchOf(url)
    .split('&')
    .filter((part) => decode(part.split('=', 1)[0] as string) !== name);
  return kept.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${kept.join('&')}`;
}

/** Removes a query parameter from a request, in all forms in which Express offers it. */
export function removeQueryParameter(req: Request, name: string): void {
  req.url = without(req.url, name);
  if (req.originalUrl !== undefined) req.originalUrl = without(req.originalUrl, name);
  // Express 4 parses the query once; Express 5 at each access.
  if (Object.hasOwn(req, 'query')) delete req.query[name];
}
