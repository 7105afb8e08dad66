import http from 'node:http';
import type { AddressInfo } from 'node:net';

interface Stored {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** The request headers that the response varied on, with the values it was stored under. */
  readonly selecting: readonly (readonly [name: string, value: string | undefined])[];
  readonly freshUntil: number;
}

export interface CachingProxy {
  readonly url: string;
  /** How many answers came out of the cache, and how many of those only after the origin said 304. */
  readonly counts: { hits: number; revalidated: number; misses: number };
  close(): Promise<void>;
}

/** How long a response without any lifetime counts as fresh: RFC 9111, 4.2.2 leaves it to the cache. */
const HEURISTIC_SECONDS = 60;

function directives(value: string | undefined): Map<string, string> {
  const parts = (value ?? '').split(',').map((part) => part.trim().toLowerCase());
  return new Map(parts.filter(Boolean).map((part) => [part.split('=')[0]!, part.split('=')[1] ?? '']));
}

function names(vary: string | undefined): string[] {
  return (vary ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
}

/** RFC 9111, 3 and 4.2.1: how long a shared cache may answer with a response; undefined if it may not store it. */
function lifetimeOf(headers: http.IncomingHttpHeaders): number | undefined {
  const cacheControl = directives(headers['cache-control']);
  if (cacheControl.has('private') || cacheControl.has('no-store')) return undefined;
  if (names(headers.vary).includes('*')) return undefined;
  if (cacheControl.has('no-cache')) return 0;
  return Number(cacheControl.get('s-maxage') ?? cacheControl.get('max-age') ?? HEURISTIC_SECONDS);
}

function fetched(url: URL, headers: http.OutgoingHttpHeaders): Promise<Pick<Stored, 'status' | 'headers' | 'body'>> {
  return new Promise((resolve, reject) => {
    http
      .get(url, { headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      })
      .on('error', reject);
  });
}

/**
 * A shared cache in front of a server, like a CDN or nginx's proxy_cache (RFC 9111). It stores cacheable responses, selects
 * by `Vary`, serves fresh responses and revalidates stale ones. GET only.
 */
export async function cachingProxy(origin: string): Promise<CachingProxy> {
  const store = new Map<string, Stored[]>();
  const counts = { hits: 0, revalidated: 0, misses: 0 };

  function chosen(req: http.IncomingMessage): Stored | undefined {
    return store
      .get(req.url!)
      ?.find(({ selecting }) => selecting.every(([name, value]) => req.headers[name] === value));
  }

  function keep(req: http.IncomingMessage, answer: Pick<Stored, 'status' | 'headers' | 'body'>): void {
    const lifetime = answer.status === 200 ? lifetimeOf(answer.headers) : undefined;
    if (lifetime === undefined) return;
    const selecting = names(answer.headers.vary).map(
      (name) => [name, req.headers[name] as string | undefined] as const,
    );
    const others = (store.get(req.url!) ?? []).filter((other) => other !== chosen(req));
    store.set(req.url!, [...others, { ...answer, selecting, freshUntil: Date.now() + lifetime * 1000 }]);
  }

  async function answer(req: http.IncomingMessage): Promise<Pick<Stored, 'status' | 'headers' | 'body'>> {
    const stored = chosen(req);
    if (stored && stored.freshUntil > Date.now()) {
      counts.hits++;
      return stored;
    }
    const tag = stored?.headers.etag;
    const headers = { ...req.headers, ...(tag ? { 'if-none-match': tag } : {}) };
    const fresh = await fetched(new URL(req.url!, origin), headers);
    if (stored && fresh.status === 304) {
      counts.hits++;
      counts.revalidated++;
      return stored;
    }
    counts.misses++;
    keep(req, fresh);
    return fresh;
  }

  const server = http.createServer((req, res) => {
    answer(req).then(
      ({ status, headers, body }) => {
        const { 'transfer-encoding': _chunks, connection: _connection, ...others } = headers;
        res.writeHead(status, others).end(body);
      },
      () => res.writeHead(502).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
