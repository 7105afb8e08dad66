/** What a route or a mount is made with: text, a regular expression, or lists of both. */
export type RoutePath = unknown;

/** A parameter as either major of Express writes it: `:name`, `*name`, `:"na me"`. */
const PARAMETER = /[:*](?:"((?:[^"\\]|\\.)*)"|([\p{ID_Continue}$\u200c\u200d]+))/gu;
/** The same in the narrower alphabet of Express 4, for which `:aé` is `:a` and a letter. */
const PARAMETER_4 = /:(\w+)/g;
/** What can stand for any part of a URL: whoever takes such a route may be on the way to another. */
const WILD = /[*(]/;

function namesIn(path: string): Set<string> {
  const names = new Set<string>();
  for (const [, quoted, plain] of path.matchAll(PARAMETER)) names.add((quoted ?? plain!).replace(/\\(.)/g, '$1'));
  for (const [, name] of path.matchAll(PARAMETER_4)) names.add(name!);
  return names;
}

/**
 * Whether a path, or what is behind it, might say `name`: it names such a parameter, be it an optional one, or stands for
 * URLs of any form. Regular expressions are not understood, and so might.
 */
export function mightName(path: RoutePath, name: string): boolean {
  if (Array.isArray(path)) return path.some((one: unknown) => mightName(one, name));
  if (typeof path !== 'string') return true;
  return WILD.test(path) || namesIn(path).has(name);
}
