import type { ServerResponse } from 'node:http';
import type { PolicySource, RedactionPolicy } from '../policy';
import type { PassThrough } from './body-decision';
import type { BodyWriter } from './body-writer';

/**
 * The states of a response. `undecided`: nothing has been sent. `held`: the handler wrote a head that fits no body that can be
 * sent, so the first byte decides. `head-sent`: only the head has been sent; `open` if nothing had to be removed at that time.
 * `express`: the head is written for bytes of Express that have been redacted. `passing`: the body is sent unchanged. `streaming`: bytes
 * are filtered. `ended`: by the handler; `passed` if the body was sent unchanged, `policy` if it was redacted. `discarding`: another response is sent instead of the handler's.
 */
export type ResponseState =
  | { readonly name: 'undecided' }
  | { readonly name: 'held' }
  | { readonly name: 'head-sent'; readonly open: boolean }
  | { readonly name: 'express' }
  | { readonly name: 'passing'; readonly decision: PassThrough }
  | { readonly name: 'streaming'; readonly writer: BodyWriter }
  | {
      readonly name: 'ended';
      readonly passed: PassThrough | undefined;
      readonly policy: RedactionPolicy | undefined;
    }
  | { readonly name: 'discarding' };

/**
 * `state`, unless the response is being discarded, which is final. The handler has written something in both `held` and `discarding`, so
 * it sees the head as sent, until it is: `compression()` computes the length of a body otherwise, and takes the callback of an `end` for it.
 */
export function transition(res: ServerResponse, from: ResponseState, state: ResponseState): ResponseState {
  if (from.name === 'discarding') return from;
  if (from.name === 'streaming' && Object.hasOwn(res, 'writableEnded')) Reflect.deleteProperty(res, 'writableEnded');
  if (state.name === 'held' || state.name === 'discarding') {
    Object.defineProperty(res, 'headersSent', { value: true, configurable: true });
  }
  return state;
}

/** Whether the handler has ended the response, though its last bytes may still be in the decoder. */
export function hasEnded(state: ResponseState): boolean {
  return state.name === 'ended' || (state.name === 'streaming' && state.writer.isDecoding);
}

/**
 * The head when the first byte of a body comes. `open`: it was sent when nothing had to be removed. `restricted`: it was sent with a
 * decision that holds. `unchecked`: it was sent without our knowledge.
 */
export type WrittenHead = 'none' | 'open' | 'restricted' | 'unchecked';

export function writtenHead(state: ResponseState, isHeadSent: boolean): WrittenHead {
  if (state.name === 'head-sent') return state.open ? 'open' : 'restricted';
  return state.name === 'undecided' && isHeadSent ? 'unchecked' : 'none';
}

/** Whether a body is passing through because nothing had to be removed from it, which may change. */
export function passesByPolicy(state: ResponseState): boolean {
  const decision = state.name === 'passing' ? state.decision : state.name === 'ended' ? state.passed : undefined;
  return decision?.vouched === false;
}

/** Whether what is being sent, or still waits for the client, was redacted by a policy that allowed more than this one. */
export function isOutdated(state: ResponseState, source: PolicySource): boolean {
  if (state.name === 'streaming') return state.writer.isOutdated(source);
  return state.name === 'ended' && state.policy?.isLooserThan(source) === true;
}
