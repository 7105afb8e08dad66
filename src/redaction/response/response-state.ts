import type { ServerResponse } from 'node:http';
import type { BodyDecision } from './body-decision';
import type { BodyWriter } from './body-writer';
import type { Rejection } from './rejection';

export type PassThrough = Extract<BodyDecision, { kind: 'pass-through' }>;

/**
 * The states of a response. `undecided`: nothing has been sent. `held`: the handler wrote a head that fits no body that can be
 * sent, so the first byte decides. `head-sent`: only the head has been sent; `open` if nothing had to be removed at that time.
 * `passing`: the body is sent unchanged. `express`: Express sends bytes that have been redacted. `streaming`: bytes are filtered.
 * `ended`: by the handler; `passed` if the body was sent unchanged. `discarding`: another response is sent instead of the handler's.
 */
export type ResponseState =
  | { readonly name: 'undecided' }
  | { readonly name: 'held' }
  | { readonly name: 'head-sent'; readonly open: boolean }
  | { readonly name: 'passing'; readonly decision: PassThrough }
  | { readonly name: 'express' }
  | { readonly name: 'streaming'; readonly writer: BodyWriter }
  | { readonly name: 'ended'; readonly passed: PassThrough | undefined }
  | { readonly name: 'discarding'; readonly rejection: Rejection };

/** `state`, unless the response is being discarded, which is final. The handler sees a `held` head as sent. */
export function transition(res: ServerResponse, from: ResponseState, state: ResponseState): ResponseState {
  if (from.name === 'discarding') return from;
  if (from.name === 'held') Reflect.deleteProperty(res, 'headersSent');
  if (from.name === 'streaming' && Object.hasOwn(res, 'writableEnded')) Reflect.deleteProperty(res, 'writableEnded');
  if (state.name === 'held') Object.defineProperty(res, 'headersSent', { value: true, configurable: true });
  return state;
}
