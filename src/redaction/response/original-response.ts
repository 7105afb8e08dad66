import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

function isReadable(source: unknown): source is Readable {
  return typeof (source as Readable | undefined)?.unpipe === 'function';
}

/** The streams that are piped into a response. */
export class Sources {
  readonly #res: ServerResponse;
  #piped: readonly Readable[] = [];

  constructor(res: ServerResponse) {
    this.#res = res;
    res.on('pipe', (source: unknown) => {
      if (isReadable(source)) this.#piped = [...this.#piped, source];
    });
  }

  /** Lets them go: one whose data nobody takes any more would hold its file or connection for ever. */
  leave(): void {
    for (const source of this.#piped) {
      source.unpipe(this.#res);
      if (source.listenerCount('data') === 0) source.destroy();
    }
    this.#piped = [];
  }
}

export type Callback = (error?: Error | null) => void;
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * What we put our own functions in the place of. As few as can be: Express changes a response's prototype, after which V8
 * makes a shape of its own for every property added, at some 4 µs each. `json` and `send` are Express', and undefined where
 * they are not ours to hook.
 */
export interface Methods {
  write: Method;
  end: Method;
  writeHead: Method;
  json: Method | undefined;
  send: Method | undefined;
}

type Bottom = { _send?: (data: string | Uint8Array, encoding: unknown, callback: unknown, length: unknown) => boolean };

function methodsOf(res: ServerResponse, ofExpress: boolean): Methods {
  const { write, end, writeHead, json, send } = res as unknown as Methods;
  return { write, end, writeHead, json: ofExpress ? json : undefined, send: ofExpress ? send : undefined };
}

/** By name: what is added in a loop over names makes V8 give up on the object's shape altogether, at 100 µs a response. */
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
 * The response as it was before us. All that leaves, leaves through here.
 *
 * Where nobody before us has replaced `write` or `end`, bytes that reach Node's innermost `_send` on another way (a reference
 * to `res.write` kept from before, `ServerResponse.prototype.write.call(res)`) are noticed and do not leave. Where
 * somebody has (compression, sessions), their bytes come at any time and cannot be told from such.
 */
export class Downstream {
  /** Whether Express' `json` and `send` are there, and nobody before us has replaced them on this response. */
  readonly ofExpress: boolean;
  readonly #res: ServerResponse;
  readonly #below: Methods;
  /** Whether somebody before us has replaced `write` or `end`. */
  readonly #patched: boolean;
  #hooks: Methods | undefined;
  /** How many of our own calls are under way: what reaches `_send` meanwhile is ours. */
  #calls = 0;
  #open = false;
  #guarded = false;

  constructor(res: ServerResponse) {
    const { json, send } = res as unknown as Methods;
    this.ofExpress =
      typeof json === 'function' &&
      typeof send === 'function' &&
      !Object.hasOwn(res, 'json') &&
      !Object.hasOwn(res, 'send');
    this.#res = res;
    this.#below = methodsOf(res, this.ofExpress);
    this.#patched = Object.hasOwn(res, 'write') || Object.hasOwn(res, 'end');
  }

  /**
   * Whether Node will send no more of it. Not `writableEnded`: another redaction above us says so of a body that it is still
   * decoding.
   */
  get isOver(): boolean {
    const { finished, destroyed } = this.#res;
    return finished || destroyed;
  }

  /** Puts our functions in their places. */
  hook(hooks: Methods): void {
    this.#hooks = hooks;
    setMethods(this.#res, hooks);
  }

  /**
   * From here on bytes that come on another way do not leave; `onBypass` is told of them. Asked for where there can be such:
   * a response that is sent whole is over before anything else can be written.
   */
  guard(onBypass: () => void): void {
    const bottom = this.#res as unknown as Bottom;
    const below = bottom._send;
    if (this.#guarded || this.#patched || typeof below !== 'function') return;
    this.#guarded = true;
    const downstream = this;
    bottom._send = function _send(data, encoding, callback, length) {
      if (downstream.#calls > 0 || downstream.#open || data.length === 0) {
        return below.call(this, data, encoding, callback, length);
      }
      onBypass();
      return false;
    };
  }

  /** Calls what was there before us, with the arguments and errors that are its own. */
  call(name: keyof Methods, args: readonly unknown[]): unknown {
    this.#calls++;
    try {
      return Reflect.apply(this.#below[name]!, this.#res, args);
    } finally {
      this.#calls--;
    }
  }

  write(bytes: Uint8Array, callback: Callback | undefined): boolean {
    return this.call('write', callback ? [bytes, callback] : [bytes]) as boolean;
  }

  /** Calls back for bytes of which none leave: where it can be told, when all that was written before them has left. */
  confirm(callback: Callback): void {
    if (this.#patched) process.nextTick(callback);
    else this.write(Buffer.alloc(0), callback);
  }

  end(bytes: Uint8Array | undefined): void {
    this.call('end', bytes && bytes.length > 0 ? [bytes] : []);
  }

  /** From here on everything may leave, in whatever way it comes. Takes our functions off the way where that is easy. */
  open(): void {
    this.#open = true;
    const methods = this.#res as unknown as Methods;
    if (methods.write === this.#hooks?.write) methods.write = this.#below.write;
    if (methods.end === this.#hooks?.end) methods.end = this.#below.end;
  }

  /** Runs `answer` with a response that has none of our functions on it, nor any put above them. Says whether it ended. */
  expose(answer: () => void): boolean {
    const above = methodsOf(this.#res, this.ofExpress);
    let ended = false;
    const { end } = this.#below;
    const endExposed: Method = function endExposed(...args) {
      ended = true;
      return Reflect.apply(end, this, args);
    };
    setMethods(this.#res, { ...this.#below, end: endExposed });
    this.#calls++;
    try {
      answer();
    } finally {
      this.#calls--;
      setMethods(this.#res, above);
    }
    return ended;
  }
}
