import net from 'node:net';
import { decode } from './bodies';

export interface ClientView {
  readonly wire: Buffer;
  readonly status: number | undefined;
  /** In lower case; the values of a name that occurs several times are joined. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body without its framing and coding. */
  readonly body: Buffer;
  /** Whether the framing says that the body is whole. */
  readonly isComplete: boolean;
  /** Whether the connection stayed open without a byte. */
  readonly isStuck: boolean;
}

export interface Exchange {
  readonly text: string;
  readonly abortAfter: number | undefined;
  readonly isSlow: boolean;
  /** Milliseconds without a byte after which the response counts as stuck. */
  readonly stuckAfter: number;
}

/** Every byte that a server sends for a request, until the connection closes. */
function exchange(
  port: number,
  { text, abortAfter, isSlow, stuckAfter }: Exchange,
): Promise<{ wire: Buffer; isStuck: boolean }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let received = 0;
    let isStuck = false;
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(text, 'latin1', () => {
        if (abortAfter === 0) socket.destroy();
      });
    });
    socket.setTimeout(stuckAfter, () => {
      isStuck = true;
      socket.destroy();
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      received += chunk.length;
      if (abortAfter !== undefined && received >= abortAfter) socket.destroy();
      else if (isSlow && chunks.length === 1) {
        socket.pause();
        setTimeout(() => socket.resume(), 20);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve({ wire: Buffer.concat(chunks), isStuck }));
  });
}

function readChunks(bytes: Buffer): { body: Buffer; isComplete: boolean } {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n', at);
    const size = end === -1 ? Number.NaN : Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    if (size === 0) return { body: Buffer.concat(chunks), isComplete: bytes.includes('\r\n\r\n', end) };
    if (Number.isNaN(size) || end + 2 + size + 2 > bytes.length) {
      if (!Number.isNaN(size)) chunks.push(bytes.subarray(end + 2));
      return { body: Buffer.concat(chunks), isComplete: false };
    }
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

/** Splits a response, after any interim ones (`103 Early Hints`). */
function parse(wire: Buffer, method: string): Omit<ClientView, 'wire' | 'isStuck'> {
  const end = wire.indexOf('\r\n\r\n');
  if (end === -1) return { status: undefined, headers: {}, body: Buffer.alloc(0), isComplete: false };
  const [statusLine, ...lines] = wire.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(statusLine!.split(' ')[1]);
  const rest = wire.subarray(end + 4);
  if (status < 200) return parse(rest, method);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    const value = line.slice(line.indexOf(':') + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const framed = (): { body: Buffer; isComplete: boolean } => {
    if (method === 'HEAD' || status === 204 || status === 304) return { body: rest, isComplete: rest.length === 0 };
    if (headers['transfer-encoding'] === 'chunked') return readChunks(rest);
    const length = headers['content-length'];
    return { body: rest, isComplete: length === undefined || Number(length) === rest.length };
  };
  const { body, isComplete } = framed();
  return { status, headers, body: decode(body, headers['content-encoding']), isComplete };
}

export async function ask(port: number, method: string, request: Exchange): Promise<ClientView> {
  const { wire, isStuck } = await exchange(port, request);
  return { wire, isStuck, ...parse(wire, method) };
}
