import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import escapeHtml from 'escape-html';
import { headerText } from './response-headers';

/** Paths that `encodeurl`, which finalhandler uses, leaves as they are. */
const ENCODED_PATH = /^(?:[!#$&-;=?-Z_a-z|~[\]\\^]|%[0-9a-f]{2})*$/i;
/** The longest known text is a redirect to a long URL. */
const MAX_LENGTH = 16_384;

function htmlPage(title: string, content: string): string {
  return (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    `<title>${title}</title>\n</head>\n<body>\n<pre>${content}</pre>\n</body>\n</html>\n`
  );
}

/** Texts of Express, finalhandler, serve-static and http-proxy-middleware for a status, a redirect and a missing page. */
function* knownTexts(req: IncomingMessage & { originalUrl?: string }, res: ServerResponse): Generator<string> {
  const phrase = STATUS_CODES[res.statusCode] ?? String(res.statusCode);
  yield phrase;
  yield String(res.statusCode);
  yield htmlPage('Error', escapeHtml(phrase));
  const location = headerText(res, 'location');
  if (location !== undefined) {
    const escaped = escapeHtml(location);
    const text = `${phrase}. Redirecting to ${escaped}`;
    yield `${phrase}. Redirecting to ${location}`;
    yield `<p>${text}</p>`;
    yield `<!DOCTYPE html><head><title>${phrase}</title></head><body><p>${text}</p></body>`;
    yield htmlPage('Redirecting', `Redirecting to ${escaped}`);
    yield htmlPage('Redirecting', `Redirecting to <a href="${escaped}">${escaped}</a>`);
  }
  const allow = headerText(res, 'allow');
  if (allow !== undefined) yield allow;
  const path = (req.originalUrl ?? req.url ?? '').split('?')[0]!;
  if (ENCODED_PATH.test(path)) yield htmlPage('Error', escapeHtml(`Cannot ${req.method} ${path}`));
  yield `Error occurred while trying to proxy: ${req.headers.host}${req.url}`;
}

/**
 * Whether a text only repeats the status line, the headers or the request: `Not Found`, `Found. Redirecting to /login`,
 * `Cannot GET /x`. It is compared as a whole with what this response would say, so nothing can hide in it.
 */
export function isKnownText(bytes: Uint8Array, req: IncomingMessage, res: ServerResponse): boolean {
  if (bytes.length > MAX_LENGTH) return false;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  for (const known of knownTexts(req, res)) if (text === known) return true;
  return false;
}
