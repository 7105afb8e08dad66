import type { ServerResponse } from 'node:http';
import { Body } from './body';
import type { Method, Methods } from './downstream';
import type { ExpressCheck } from './express';
import { applyHead } from './headers';
import type { Interception } from './interception';
import { objectHooks } from './objects';

/** Node refuses other statuses itself. */
function isStatus(status: unknown): boolean {
  const code = Number(status) | 0;
  return code >= 100 && code <= 999;
}

const NOT_EXPRESS = { json: undefined, send: undefined };

/**
 * Puts our functions on the response, as its own properties: Node, Express and everything that pipes look them up there.
 * Only this response has them; nothing is changed that others share.
 */
export function hookResponse(interception: Interception, expressCheck: ExpressCheck): void {
  const it = interception;
  const { res, downstream } = it;
  const body = new Body(it);

  function write(...args: unknown[]): boolean {
    return body.write(args);
  }

  function end(...args: unknown[]): ServerResponse {
    body.end(args);
    return res;
  }

  function writeHead(...args: unknown[]): unknown {
    // Too late, or impossible: Node says so. After a refusal: the head of what has been answered instead.
    if (res.headersSent || !isStatus(args[0]) || it.answered) return downstream.call('writeHead', args);
    if (it.refused) return res;
    applyHead(res, Number(args[0]) | 0, args[1], args[2]);
    it.head();
    return res;
  }

  function addTrailers(trailers: unknown): void {
    downstream.call('addTrailers', [it.trailers(trailers as object)]);
  }

  const { json, send } = downstream.ofExpress ? objectHooks(it, end as Method, expressCheck) : NOT_EXPRESS;
  const hooks: Methods = { write, end, writeHead, writeHeader: writeHead, addTrailers, json, send };
  downstream.hook(hooks, () => it.doubt('Bytes reached the response past the redaction.'));
}
