import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Request, Response } from 'express';

const SAMPLE = { keyscope: [true, 1, 'sample', null, {}] };
const SAMPLE_TEXT = JSON.stringify(SAMPLE);

/** Runs one of Express' senders on a response that goes nowhere; what came to `end`, as text. */
function sent(request: object, response: object, send: (res: Response) => unknown): string | undefined {
  const req = new IncomingMessage(new Socket());
  req.method = 'GET';
  req.url = '/';
  Object.setPrototypeOf(req, request);
  const res = new ServerResponse(req);
  Object.setPrototypeOf(res, response);
  let text: string | undefined;
  Object.assign(req, { res });
  Object.defineProperty(req, 'query', { value: {} });
  Object.assign(res, {
    locals: {},
    end(chunk?: string | Uint8Array) {
      text = typeof chunk === 'string' ? chunk : chunk && Buffer.from(chunk).toString();
      return res;
    },
  });
  send(res as unknown as Response);
  return text;
}

function compact(json: string | undefined): string | undefined {
  return json === undefined ? undefined : JSON.stringify(JSON.parse(json));
}

function probe(request: object, response: object): boolean {
  try {
    return (
      compact(sent(request, response, (res) => res.json(SAMPLE))) === SAMPLE_TEXT &&
      compact(sent(request, response, (res) => res.jsonp(SAMPLE))) === SAMPLE_TEXT &&
      sent(request, response, (res) => res.type('json').send(SAMPLE_TEXT)) === SAMPLE_TEXT
    );
  } catch {
    // Whatever it is that throws here, it is not Express as we know it; and not being trusted costs time only.
    return false;
  }
}

/** Whether an application's own `res.json`, `res.jsonp` and `res.send` send what they are given and nothing else. */
export type ExpressCheck = (req: Request, res: Response) => boolean;

interface Answer {
  readonly senders: readonly unknown[];
  readonly plain: boolean;
}

/**
 * An application may have put its own senders in place of Express' (`app.response.json = …`, to wrap every body in an
 * envelope): then the paths of a configuration are those of what leaves, not of what the handler gave. Each prototype is
 * asked once, and again when its senders have been replaced.
 */
export function createExpressCheck(): ExpressCheck {
  const answers = new WeakMap<object, Answer>();
  return function sendsWhatItIsGiven(req, res) {
    const response = Object.getPrototypeOf(res) as Response;
    const { json, jsonp, send } = response;
    let answer = answers.get(response);
    if (answer?.senders[0] !== json || answer.senders[1] !== jsonp || answer.senders[2] !== send) {
      answer = { senders: [json, jsonp, send], plain: probe(Object.getPrototypeOf(req), response) };
      answers.set(response, answer);
    }
    return answer.plain;
  };
}
