import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { headerText } from './response-headers';

/** Characters of a path that neither Express' URL encoding nor its HTML escaping changes. */
const PLAIN_PATH = /^[\w\-./~!$;=:@+*(),]*$/;
/** Longer texts say more than a status line. */
const LONGEST = 4096;

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '"': '&quot;', '&': '&amp;', "'": '&#39;', '<': '&lt;', '>': '&gt;' };
  return text.replace(/["&'<>]/g, (character) => entities[character]!);
}

/** The page of `finalhandler`, which answers for Express where no handler does. */
function finalPage(message: string): string {
  return (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n' +
    `<pre>${message}</pre>\n</body>\n</html>\n`
  );
}

/** What Express and http-proxy-middleware say of a status, a redirect and a missing page, in the words of both majors. */
function* knownTexts(req: IncomingMessage & { originalUrl?: string }, res: ServerResponse): Generator<string> {
  const phrase = STATUS_CODES[res.statusCode] ?? String(res.statusCode);
  yield phrase;
  yield String(res.statusCode);
  yield finalPage(escapeHtml(phrase));
  const location = headerText(res, 'location');
  if (location !== undefined) {
    const said = `${phrase}. Redirecting to ${escapeHtml(location)}`;
    yield `${phrase}. Redirecting to ${location}`;
    yield `<p>${said}</p>`;
    yield `<!DOCTYPE html><head><title>${phrase}</title></head><body><p>${said}</p></body>`;
  }
  const path = (req.originalUrl ?? req.url ?? '').split('?')[0]!;
  if (PLAIN_PATH.test(path)) yield finalPage(`Cannot ${req.method} ${path}`);
  yield `Error occurred while trying to proxy: ${req.headers.host}${req.url}`;
}

/**
 * Whether a text repeats only what the status line, the headers or the request say already: `Not Found`,
 * `Found. Redirecting to /login`, `Cannot GET /x`. Such a text may leave a route whose other texts may not. Compared whole
 * and exactly with what the current response would say, so that nothing can hide in it.
 */
export function saysNothingNew(bytes: Uint8Array, req: IncomingMessage, res: ServerResponse): boolean {
  if (bytes.length > LONGEST) return false;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  for (const known of knownTexts(req, res)) if (text === known) return true;
  return false;
}
