import type { ServerResponse } from 'node:http';
import { Body } from './body';
import type { Method, Methods } from './downstream';
import type { ExpressCheck } from './express';
import { applyHead } from './headers';
import type { Interception } from './interception';
import { ObjectSender } from './objects';

/** Node refuses other statuses itself. */
function isStatus(status: unknown): boolean {
  const code = Number(status) | 0;
  return code >= 100 && code <= 999;
}

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

  const objects = downstream.ofExpress ? new ObjectSender(it, end as Method, expressCheck) : undefined;

  function json(...args: unknown[]): unknown {
    return objects!.json(args);
  }

  function send(...args: unknown[]): unknown {
    return objects!.send(args);
  }

  const hooks: Methods = { write, end, writeHead, json: objects && json, send: objects && send };
  downstream.hook(hooks);
}
