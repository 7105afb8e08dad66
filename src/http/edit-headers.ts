import type { IncomingMessage } from 'node:http';

/** Counts a header up to 2. Node joins repeated headers into one string; only the raw ones show the repetition. */
export function countRawHeader(rawHeaders: readonly string[], header: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === header.length && name.toLowerCase() === header && ++count === 2) break;
  }
  return count;
}

/** Removes headers, by names in lower case, in all forms in which Node offers them: a proxy may forward any of them. */
export function removeRequestHeaders(req: IncomingMessage, names: readonly string[]): void {
  // Node makes the first two from the third when they are first read, and depends on its length. Adapters for serverless
  // platforms may lack all but the first.
  const { headers, headersDistinct = {}, rawHeaders = [] } = req;
  for (const name of names) {
    delete headers[name];
    delete headersDistinct[name];
  }
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (names.includes((rawHeaders[i] as string).toLowerCase())) rawHeaders.splice(i, 2);
  }
}

/** Many servers offer headers as variables, in which `-` and `_` are the same: `X-Key-Id` is `HTTP_X_KEY_ID`. */
function asVariable(name: string): string {
  return name.replaceAll('-', '_');
}

/** Replaces headers of a request, also those with another spelling of the names. Undefined: the header is only removed. */
export function replaceRequestHeaders(
  req: IncomingMessage,
  replacements: readonly (readonly [name: string, value: string | undefined])[],
): void {
  const variables = replacements.map(([name]) => asVariable(name));
  const { headers, headersDistinct, rawHeaders } = req;
  // A middleware can have removed one from `headers` alone.
  const given = [...Object.keys(headers), ...(rawHeaders ?? []).map((text) => text.toLowerCase())];
  removeRequestHeaders(
    req,
    given.filter((name) => variables.includes(asVariable(name))),
  );
  for (const [name, value] of replacements) {
    if (value === undefined) continue;
    headers[name] = value;
    if (headersDistinct !== undefined) headersDistinct[name] = [value];
    rawHeaders?.push(name, value);
  }
}
