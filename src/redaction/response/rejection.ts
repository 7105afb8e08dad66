import { KeyscopeError } from '../../errors';
import type { ResponseContext } from './response-head';
import { removeDescription, removeResponseHeaders } from './response-headers';

/** The response that is sent instead of a rejected one. */
export interface ReplacementResponse {
  /** Lets the application send the error response. */
  send(error: KeyscopeError): void;
  /** Sends a problem document. */
  sendProblem(error: KeyscopeError, status: number): void;
  /** A call on the handler's response. Undefined or false: it is the handler's, and discarded. */
  write(args: readonly unknown[]): boolean | undefined;
  end(args: readonly unknown[]): boolean;
  writeHead(args: readonly unknown[]): unknown;
  json(args: readonly unknown[]): unknown;
  sendBody(args: readonly unknown[]): unknown;
}

/** Called by an interceptor, at most once each. */
export interface InterceptorEvents {
  /** The response was rejected before it had begun. Returns the error response, with this status, that is sent instead. */
  onReject(error: KeyscopeError, status: number): ReplacementResponse | undefined;
  /** The response was rejected after it had begun, and must be destroyed. */
  onAbort(error: KeyscopeError): void;
  /** The handler has ended the response, or it has been rejected. */
  onEnd(): void;
}

const WITHHELD = new KeyscopeError(
  'unredactable_response',
  'The body of this error response was not JSON, and was withheld.',
);

export function asKeyscopeError(error: unknown): KeyscopeError {
  if (error instanceof KeyscopeError) return error;
  return new KeyscopeError('unredactable_response', 'The response could not be redacted.', { cause: error });
}

/** The rejection of a response. It is final: what the handler goes on to write is discarded. */
export class Rejection {
  /** Undefined if only the body of an error response was rejected. */
  readonly error: KeyscopeError | undefined;
  readonly #context: ResponseContext;
  readonly #events: InterceptorEvents;
  #replacement: ReplacementResponse | undefined;

  constructor(context: ResponseContext, events: InterceptorEvents, error: KeyscopeError | undefined) {
    this.#context = context;
    this.#events = events;
    this.error = error;
  }

  get replacement(): ReplacementResponse | undefined {
    return this.#replacement;
  }

  /** Sends an error response, or destroys a response that has begun. */
  send(): void {
    const { res, original } = this.#context;
    if (res.destroyed) return;
    if (res.headersSent || original.isOver) {
      this.#events.onAbort(this.error!);
      return;
    }
    removeResponseHeaders(res);
    this.#replacement = this.#events.onReject(this.error!, this.error!.status);
    this.#replacement?.send(this.error!);
  }

  /** Sends a problem document with the status of the response. */
  replaceBody(): void {
    const { res } = this.#context;
    removeDescription(res);
    this.#replacement = this.#events.onReject(WITHHELD, res.statusCode);
    this.#replacement?.sendProblem(WITHHELD, res.statusCode);
  }
}
