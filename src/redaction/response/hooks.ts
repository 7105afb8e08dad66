import type { ServerResponse } from 'node:http';

export type Callback = (error?: Error | null) => void;
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** The response methods that are replaced. `json` and `send` are Express' own. */
export interface Methods {
  write: Method;
  end: Method;
  writeHead: Method;
  json: Method;
  send: Method;
}

/** Receives the calls of the methods that are replaced. `res` is the response on which one was called, or a view of it. */
export interface Receiver {
  write(args: readonly unknown[]): boolean;
  end(args: readonly unknown[]): void;
  writeHead(args: readonly unknown[]): unknown;
  json(args: readonly unknown[], res: ServerResponse): unknown;
  send(args: readonly unknown[], res: ServerResponse): unknown;
}

/** Methods for all responses of a route, and the property of a response in which they find its receiver. */
export interface Hooks {
  readonly key: symbol;
  readonly methods: Methods;
}

/** One set of functions for many responses: functions of its own for each response cost more than the rest of the redaction. */
export function createHooks(): Hooks {
  const key = Symbol('keyscope redaction');
  const receiverOf = (res: unknown) => (res as Record<symbol, Receiver>)[key]!;
  const methods: Methods = {
    write(...args) {
      return receiverOf(this).write(args);
    },
    end(...args) {
      receiverOf(this).end(args);
      return this;
    },
    writeHead(...args) {
      return receiverOf(this).writeHead(args);
    },
    json(...args) {
      return receiverOf(this).json(args, this as ServerResponse);
    },
    send(...args) {
      return receiverOf(this).send(args, this as ServerResponse);
    },
  };
  return { key, methods };
}
