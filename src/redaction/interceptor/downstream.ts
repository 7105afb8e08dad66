import type { ServerResponse } from 'node:http';

export type Callback = (error?: Error | null) => void;
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** What we put our own function in the place of. `writeHeader` is Node's old name for `writeHead`. */
export const HOOKED = ['write', 'end', 'writeHead', 'writeHeader', 'flushHeaders', 'addTrailers'] as const;
export const HOOKED_OF_EXPRESS = ['json', 'jsonp', 'send'] as const;
export type Hooked = (typeof HOOKED)[number] | (typeof HOOKED_OF_EXPRESS)[number];

/** A response as a bag of methods, some of which may be missing: it need not be Express'. */
export type Methods = { [name in Hooked | '_send' | 'on' | 'addListener' | 'off' | 'removeListener']?: Method };

/**
 * The response as it was before us. All that leaves, leaves through here.
 *
 * Where nobody before us has replaced `write` or `end`, bytes that reach Node's innermost `_send` on another way (a reference
 * to `res.write` kept from before, `ServerResponse.prototype.write.call(res)`) are noticed and do not leave. Where
 * somebody has (compression, sessions), their bytes come at any time and cannot be told from such.
 */
export class Downstream {
  readonly #res: ServerResponse;
  readonly #methods: Methods;
  readonly #names: readonly Hooked[];
  readonly #below: Methods = {};
  /** Whether somebody before us has replaced `write` or `end`. */
  readonly #patched: boolean;
  /** How many of our own calls are under way: what reaches `_send` meanwhile is ours. */
  #calls = 0;
  #unguarded = false;

  /** `onBypass` is told of bytes that came on another way; they have not left. */
  constructor(res: ServerResponse, names: readonly Hooked[], onBypass: () => void) {
    this.#res = res;
    this.#methods = res as unknown as Methods;
    this.#names = names;
    for (const name of names) this.#below[name] = this.#methods[name];
    this.#patched = Object.hasOwn(res, 'write') || Object.hasOwn(res, 'end');
    if (this.#patched) return;
    const send = this.#methods._send;
    if (typeof send === 'function') this.#methods._send = this.#guard(send, onBypass);
  }

  #guard(send: Method, onBypass: () => void): Method {
    const downstream = this;
    return function _send(data, ...rest) {
      if (downstream.#calls > 0 || downstream.#unguarded || (data as string | Uint8Array).length === 0) {
        return Reflect.apply(send, this, [data, ...rest]);
      }
      onBypass();
      return false;
    };
  }

  /** Calls what was there before us, with the arguments and errors that are its own. */
  call(name: Hooked, args: readonly unknown[]): unknown {
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

  /** From here on everything may leave, in whatever way it comes. Takes our functions off the way again. */
  open(hooks: Methods): void {
    this.#unguarded = true;
    for (const name of this.#names) if (this.#methods[name] === hooks[name]) this.#methods[name] = this.#below[name];
  }

  /** Runs `answer` with a response that has none of our functions on it, nor any put above them. Says whether it ended. */
  expose(answer: () => void): boolean {
    const above: Methods = {};
    let ended = false;
    for (const name of this.#names) {
      above[name] = this.#methods[name];
      this.#methods[name] = this.#below[name];
    }
    const end = this.#below.end!;
    this.#methods.end = function endExposed(...args) {
      ended = true;
      return Reflect.apply(end, this, args);
    };
    this.#calls++;
    try {
      answer();
    } finally {
      this.#calls--;
      for (const name of this.#names) this.#methods[name] = above[name];
    }
    return ended;
  }
}
