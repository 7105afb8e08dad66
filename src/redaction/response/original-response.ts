import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

export type Callback = (error?: Error | null) => void;
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** The response methods that are replaced. `json` and `send` are Express' own, and undefined if they are not replaced. */
export interface Methods {
  write: Method;
  end: Method;
  writeHead: Method;
  json: Method | undefined;
  send: Method | undefined;
}

/** Parts of Node's response that have no public name. */
interface NodePrivate {
  _send?: (data: string | Uint8Array, encoding: unknown, callback: unknown, length: unknown) => boolean;
  _storeHeader?: Method;
  cork: () => void;
  uncork: () => void;
}

/** By name: a property added in a loop over names makes V8 give up on the object's shape, at 100 µs a response. */
function setMethods(res: ServerResponse, methods: Methods): void {
  const target = res as unknown as Methods;
  target.write = methods.write;
  target.end = methods.end;
  target.writeHead = methods.writeHead;
  if (methods.json === undefined) return;
  target.json = methods.json;
  target.send = methods.send;
}

/**
 * The original response. All output goes through it.
 *
 * If no middleware has replaced `write` or `end` before, bytes that reach Node's innermost `_send` on another way (a reference to
 * `res.write` kept from before, `ServerResponse.prototype.write.call(res)`) are detected and not sent. If one has (compression,
 * sessions), its writes cannot be told apart from such.
 */
export class OriginalResponse {
  /** Whether Express' `json` and `send` exist, and no middleware has replaced them on this response before. */
  readonly isExpress: boolean;
  readonly #res: ServerResponse;
  readonly #methods: Methods;
  /** Whether `write` or `end` had been replaced before. */
  readonly #patched: boolean;
  #replaced: Methods | undefined;
  /** How many of our own calls are in progress. Bytes that reach `_send` during one are ours. */
  #calls = 0;
  #guarded = false;
  #sources: Readable[] | undefined;

  constructor(res: ServerResponse) {
    const { write, end, writeHead, json, send } = res as unknown as Methods;
    this.#res = res;
    this.#methods = { write, end, writeHead, json, send };
    const isReplaced = Object.hasOwn(res, 'json') || Object.hasOwn(res, 'send');
    this.isExpress = typeof json === 'function' && typeof send === 'function' && !isReplaced;
    this.#patched = Object.hasOwn(res, 'write') || Object.hasOwn(res, 'end');
  }

  /**
   * Whether Node sends nothing more. Not `writableEnded`: another redaction after us sets that while it is still decoding a body.
   */
  get isOver(): boolean {
    const { finished, destroyed } = this.#res;
    return finished || destroyed;
  }

  /** Whether one of our own calls is in progress. */
  get isCalling(): boolean {
    return this.#calls > 0;
  }

  /** Whether middleware that was mounted before us may change the headers when they are written. */
  get changesHeaders(): boolean {
    return Object.hasOwn(this.#res, 'writeHead');
  }

  replace(methods: Methods): void {
    this.#replaced = methods;
    setMethods(this.#res, methods);
  }

  /** Runs `step` before Node serializes the headers, after any middleware that was mounted before us and changes them. */
  beforeHeaders(step: () => void): void {
    const res = this.#res as unknown as NodePrivate;
    const storeHeader = res._storeHeader;
    if (typeof storeHeader !== 'function') return;
    res._storeHeader = function _storeHeader(...args) {
      step();
      return storeHeader.apply(this, args);
    };
  }

  /** Calls an original method, with the arguments and errors that are its own. */
  call(name: 'write' | 'end' | 'writeHead', args: readonly unknown[]): unknown {
    this.#calls++;
    try {
      return Reflect.apply(this.#methods[name], this.#res, args);
    } finally {
      this.#calls--;
    }
  }

  write(bytes: Uint8Array, callback: Callback | undefined): boolean {
    return this.call('write', callback ? [bytes, callback] : [bytes]) as boolean;
  }

  end(bytes: Uint8Array, callback?: Callback): void {
    const args: unknown[] = bytes.length > 0 ? [bytes] : [];
    if (callback) args.push(callback);
    this.call('end', args);
  }

  /** Calls back for a chunk that was redacted as a whole, if possible after all that was written before has been sent. */
  confirm(callback: Callback): void {
    if (this.#patched) process.nextTick(callback);
    else this.write(Buffer.alloc(0), callback);
  }

  /**
   * Writes a chunk as the handler gave it. From here on all output passes through: removes our `write`, unless another middleware
   * has replaced it since.
   */
  passThrough(args: readonly unknown[]): boolean {
    const methods = this.#res as unknown as Methods;
    if (methods.write === this.#replaced?.write) methods.write = this.#methods.write;
    return this.call('write', args) as boolean;
  }

  /**
   * From here on bytes that bypass us are not sent; `onBypass` is called for them. Only needed while a response can be written
   * to in pieces.
   *
   * Since Node 21 a corked response sends its chunks when it is uncorked, outside of our calls. Corking is only about packets, so
   * it is passed on to the socket, as Node 20 does.
   */
  detectBypass(onBypass: () => void): void {
    const res = this.#res as unknown as NodePrivate & ServerResponse;
    const send = res._send;
    if (this.#guarded || this.#patched || typeof send !== 'function') return;
    this.#guarded = true;
    const original = this;
    for (let corked = res.writableCorked; corked > 0; corked--) res.uncork();
    res._send = function _send(data, encoding, callback, length) {
      if (original.#calls > 0 || data.length === 0) return send.call(this, data, encoding, callback, length);
      onBypass();
      return false;
    };
    res.cork = () => {
      const { socket } = res;
      socket?.cork();
      // Since Node 26 `write` itself corks the response, until the next tick.
      if (original.#calls > 0) process.nextTick(() => socket?.uncork());
    };
    res.uncork = () => void res.socket?.uncork();
  }

  /** Keeps the streams that are piped into the response, for {@link releaseSources}. */
  trackSources(): void {
    const sources: Readable[] = [];
    this.#sources = sources;
    this.#res.on('pipe', (source: Readable) => void sources.push(source));
  }

  /**
   * Unpipes the sources, so that they stop reading. When the response is over, destroys those without another reader: they would
   * keep their file or connection open. Not before: `pipeline` destroys the response when its source is destroyed.
   */
  releaseSources(): void {
    const sources = (this.#sources ?? []).filter((source) => typeof source.unpipe === 'function');
    for (const source of sources) source.unpipe(this.#res);
    const destroy = (): void => {
      for (const source of sources) if (source.listenerCount('data') === 0) source.destroy();
    };
    if (this.#res.closed) destroy();
    else this.#res.once('close', destroy);
  }
}
